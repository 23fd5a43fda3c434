import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { admin, callAdmin, runOn, withCentral } from "../fixture-central.test.ts";
import { modeOf, refusalOf } from "../fixture-checks.test.ts";

/** A socket file as a killed central leaves it: it is there, and nobody listens. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  server.listen({ path });
  await once(server, "listening");
  // Node removes the file when it closes; a kill does not.
  const kept = join(path, "..", "kept.sock");
  linkSync(path, kept);
  server.close();
  await once(server, "close");
  renameSync(kept, path);
}

describe("the admin socket", () => {
  it("is for its user alone, and goes when central goes", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const path = join(dataDir, "admin.sock");
      await runOn(dataDir, async () => {
        assert.equal(modeOf(path), "600");
      });
      assert.equal(existsSync(path), false);
    }));

  it("takes the place of what a killed central left", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await runOn(dataDir, async () => {});
      await leaveSocket(join(dataDir, "admin.sock"));
      await runOn(dataDir, async (test) => {
        await admin(test, "GET", "/api/v1/status");
      });
    }));

  it("takes the place of a file that is no socket, and refuses a folder, saying so", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const path = join(dataDir, "admin.sock");
      await runOn(dataDir, async () => {});
      writeFileSync(path, "not a socket");
      await runOn(dataDir, async (test) => {
        await admin(test, "GET", "/api/v1/status");
      });
      mkdirSync(path);
      const refusal = await refusalOf(
        runOn(dataDir, async () => {}),
        "central.admin_socket_failed",
      );
      assert.ok(refusal.message.includes(path));
      rmSync(path, { recursive: true });
      await runOn(dataDir, async () => {});
    }));

  it("gives health and metrics too, without a login", () =>
    withCentral(async (test) => {
      for (const path of ["/healthz", "/readyz", "/metrics"]) {
        assert.equal((await callAdmin(test, "GET", path)).status, 200, path);
      }
    }));
});
