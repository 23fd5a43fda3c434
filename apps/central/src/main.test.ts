import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { admin } from "./fixture-central.test.ts";
import { modeOf, refusalOf } from "./fixture-checks.test.ts";
import { checkCentralConfig, runCentral, type RunCentralOptions } from "./main.ts";

const PORTS = { agentsPort: 0, consolePort: 0, host: "127.0.0.1" };

/** Runs central until its first line, lets `use` look at it, and stops it; its exit code. */
async function run(
  options: RunCentralOptions,
  use: (line: string) => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const abort = new AbortController();
  const first = Promise.withResolvers<string>();
  const ended = runCentral(options, { stdout: first.resolve, signal: abort.signal });
  ended.catch(first.reject);
  try {
    await use(await first.promise);
  } finally {
    abort.abort();
  }
  return ended;
}

describe("runCentral", () => {
  it("says in one line of JSON where it is when it is ready, and ends with 0 when told to", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const code = await run({ ...PORTS, data: dataDir, json: true }, async (line) => {
        const ready = JSON.parse(line) as Record<string, unknown>;
        assert.deepEqual(Object.keys(ready), [
          "event",
          "agents",
          "console",
          "plaintext",
          "dataDir",
        ]);
        assert.deepEqual([ready["event"], ready["plaintext"]], ["ready", null]);
        assert.match(String(ready["agents"]), /^wss:\/\/127\.0\.0\.1:\d+$/);
        assert.match(String(ready["console"]), /^https:\/\/127\.0\.0\.1:\d+$/);
        assert.equal(ready["dataDir"], dataDir);
        await admin({ dataDir }, "GET", "/api/v1/status");
      });
      assert.equal(code, 0);
      assert.equal(existsSync(join(dataDir, "admin.sock")), false);
    }));

  it("says it in a sentence for people", () =>
    withTempFolder(async (folder) => {
      await run({ ...PORTS, data: join(folder, "data"), json: false }, async (line) => {
        assert.match(line, /^Central is ready\. Agents dial wss:.* console and API at https:/);
      });
    }));

  it("takes the passphrase from its variable, and takes the variable away from what it starts", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      process.env["TAUTLINE_MPASSWD"] = "correct horse battery staple";
      await run({ ...PORTS, data: dataDir, json: true }, async () => {
        assert.equal(process.env["TAUTLINE_MPASSWD"], undefined);
        const vault = await admin<{ source: string }>({ dataDir }, "GET", "/api/v1/vault");
        assert.equal(vault.source, "environment");
      });
      const again = run({ ...PORTS, data: dataDir, json: true });
      assert.equal((await refusalOf(again, "vault.source_absent")).exitCode, 4);
    }));

  it("A14: makes its folder for its user alone, whatever the umask was", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const umask = process.umask(0);
      try {
        await run({ ...PORTS, data: dataDir, json: true }, async () => {
          assert.equal(modeOf(dataDir), "700");
          assert.equal(modeOf(join(dataDir, "admin.sock")), "600");
        });
      } finally {
        process.umask(umask);
      }
    }));

  it("reads the settings it is told to, and refuses to start with wrong ones", () =>
    withTempFolder(async (folder) => {
      const [file, dataDir] = [join(folder, "central.yaml"), join(folder, "data")];
      writeFileSync(file, "trustDomain: other.example\n");
      await run({ ...PORTS, config: file, data: dataDir, json: true }, async () => {
        const status = await admin<{ trustDomain: string }>({ dataDir }, "GET", "/api/v1/status");
        assert.equal(status.trustDomain, "other.example");
      });
      writeFileSync(file, "trustdomain: other.example\n");
      const options = { ...PORTS, config: file, data: join(folder, "other"), json: true };
      await refusalOf(run(options), "config.invalid");
      assert.equal(existsSync(join(folder, "other")), false);
    }));

  it("ends at once when it was told to stop before it came up", () =>
    withTempFolder(async (folder) => {
      const options = { ...PORTS, data: join(folder, "data"), json: true };
      const io = { stdout: () => {}, signal: AbortSignal.abort() };
      assert.equal(await runCentral(options, io), 0);
    }));
});

describe("checkCentralConfig", () => {
  it("reads a file as central would, and starts nothing", () =>
    withTempFolder(async (folder) => {
      const file = join(folder, "central.yaml");
      writeFileSync(file, "log: { level: debug }\n");
      checkCentralConfig(file);
      writeFileSync(file, "log: { levle: debug }\n");
      await refusalOf(() => checkCentralConfig(file), "config.invalid");
      await refusalOf(() => checkCentralConfig(join(folder, "none.yaml")), "config.unreadable");
    }));
});
