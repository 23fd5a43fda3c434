import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { type Level, LEVELS } from "@tautline/protocol";
import { launchProcess } from "@tautline/testing";
import { requirePeer } from "../level-central.ts";
import { openDigestServer, openWebServer, type WebServer } from "./answering-servers.ts";
import { type CopiedRows, digestOfFile, writeRows } from "./copied-rows.ts";
import { type ForwardAgents, openForwardAgents } from "./forward-agents.ts";
import { openIperf3, runIperf3 } from "./iperf3.ts";
import { openPostgres, type Postgres } from "./postgres.ts";
import { freePort, untilSaid } from "./server-program.ts";
import { HOST, openSshServer, type SshServer } from "./ssh.ts";

const MIB = 1024 * 1024;
/** How much COPY carries each way: `INTEROP_COPY_MIB=1024` for the gibibyte that was promised. */
const COPY_BYTES = Number(process.env["INTEROP_COPY_MIB"] ?? 32) * MIB;
const IPERF_BYTES = 16 * MIB;
const PIPED = randomBytes(8 * MIB);
/** Where psql looks for a server in a folder. */
const SOCKET_FILE = ".s.PGSQL.5432";

const digestOf = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; its standard input ends after `input`. */
async function run(command: string, args: readonly string[], input?: Uint8Array): Promise<Ran> {
  await using ran = launchProcess({ command, args, ...(input !== undefined && { input }) });
  const { code } = await ran.exited;
  return { code, stdout: ran.stdout, stderr: ran.stderr };
}

async function timed(t: TestContext, what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1_000;
  t.diagnostic(`${what}: ${seconds.toFixed(2)} s`);
}

async function iperf3Counts(port: number): Promise<void> {
  const bytes = ["-n", String(IPERF_BYTES)];
  for (const flags of [[], ["-R"], ["-P", "4"], ["--bidir"]]) {
    const counts = await runIperf3(port, ...bytes, ...flags);
    assert.equal(counts.length, flags.includes("--bidir") ? 2 : 1);
    // It ends as soon as one direction has its bytes.
    const most = Math.max(...counts.map(({ sentBytes }) => sentBytes));
    assert.ok(most >= IPERF_BYTES, `sent ${most}`);
    for (const { sentBytes, receivedBytes } of counts) {
      assert.ok(receivedBytes > 0 && receivedBytes <= sentBytes, `received ${receivedBytes}`);
    }
  }
}

describe("OV-1: programs that nobody here wrote run unchanged through a forward", () => {
  const stack = new AsyncDisposableStack();
  let folder: string;
  let rows: CopiedRows;
  let postgres: Postgres;
  let ssh: SshServer;
  let web: WebServer;
  let netcatPort: number;
  let agents: ForwardAgents;

  before(async () => {
    for (const program of ["iperf3", "psql", "ssh", "nc", "curl"] as const) {
      await requirePeer(program);
    }
    folder = mkdtempSync(join(tmpdir(), "tautline-test-"));
    stack.defer(() => rmSync(folder, { recursive: true }));
    rows = await writeRows(join(folder, "rows"), COPY_BYTES);
    netcatPort = await freePort();
    postgres = stack.use(await openPostgres());
    ssh = stack.use(await openSshServer(folder));
    web = stack.use(await openWebServer());
    const [iperf3, digest] = [
      stack.use(await openIperf3()),
      stack.use(await openDigestServer()),
    ] as const;
    const targets = {
      iperf3: iperf3.port,
      db: postgres.port,
      ssh: ssh.port,
      web: web.port,
      digest: digest.port,
      netcat: netcatPort,
    };
    agents = stack.use(
      await openForwardAgents({ targets, socket: { to: "db", file: SOCKET_FILE } }),
    );
  });
  after(() => stack.disposeAsync());

  for (const level of LEVELS) {
    describe(`at ${level}`, () => {
      it("iperf3 counts bytes forth, back, over four streams and both ways at once", () =>
        iperf3Counts(agents.portOf(level, "iperf3")));

      it("psql copies rows in and out, and both ends have the same checksum", (t) =>
        copyRows(t, level));

      it("psql finds the forward's Unix socket, as it finds a server's", async () => {
        const place = { socketFolder: agents.folderOf(level) };
        assert.equal(await postgres.psql(place, "SELECT 6 * 7"), "42\n");
      });

      it("`nc -N` is answered after it has said its end", async () => {
        const port = String(agents.portOf(level, "digest"));
        const { code, stdout, stderr } = await run("nc", ["-N", "127.0.0.1", port], PIPED);
        assert.equal(code, 0, stderr);
        assert.equal(stdout, `${digestOf(PIPED)}\n`);
      });

      it("`nc -N` and `nc -l -N` hear each other out, and both come to their end", () =>
        talkByNetcat(level));

      it("curl asks four times over one connection", () => askByCurl(level));

      it("ssh carries what is piped in, what is printed and the exit code", async () => {
        const at = ["-F", ssh.clientConfig, "-p", String(agents.portOf(level, "ssh")), HOST];
        const summed = await run("ssh", [...at, "sha256sum"], PIPED);
        assert.equal(summed.code, 0, summed.stderr);
        assert.equal(summed.stdout, `${digestOf(PIPED)}  -\n`);
        const failed = await run("ssh", [...at, "seq 100000; echo sorry >&2; exit 7"]);
        assert.equal(failed.code, 7, failed.stderr);
        assert.equal(failed.stdout.split("\n").at(-2), "100000");
        assert.match(failed.stderr, /^sorry$/m);
      });

      it("scp copies a file there and back", () => copyBySsh(level));
    });
  }

  async function copyRows(t: TestContext, level: Level): Promise<void> {
    const [port, table, file] = [
      agents.portOf(level, "db"),
      `at_${level}`,
      `${rows.file}-${level}`,
    ];
    const create = `CREATE TABLE ${table} (line text)`;
    await timed(t, `COPY of ${rows.bytes} bytes in`, async () => {
      const said = await postgres.psql(port, create, `\\copy ${table} from '${rows.file}'`);
      assert.equal(said, `CREATE TABLE\nCOPY ${rows.rows}\n`);
    });
    assert.equal(await postgres.digestOf(table), rows.digest);
    await timed(t, `COPY of ${rows.bytes} bytes out`, () =>
      postgres.psql(port, `\\copy ${table} to '${file}'`),
    );
    assert.equal(await digestOfFile(file), rows.digest);
    rmSync(file);
    await postgres.psql(port, `DROP TABLE ${table}`);
  }

  async function talkByNetcat(level: Level): Promise<void> {
    const [question, answer] = [randomBytes(MIB), randomBytes(2 * MIB)].map((bytes) =>
      bytes.toString("hex"),
    ) as [string, string];
    const listen = ["-l", "-v", "-N", "127.0.0.1", String(netcatPort)];
    await using server = launchProcess({ command: "nc", args: listen, input: answer });
    await untilSaid(server, /Listening on/);
    const args = ["-N", "127.0.0.1", String(agents.portOf(level, "netcat"))];
    const client = await run("nc", args, Buffer.from(question));
    assert.equal(client.code, 0, client.stderr);
    assert.equal((await server.exited).code, 0, server.stderr);
    assert.equal(digestOf(client.stdout), digestOf(answer));
    assert.equal(digestOf(server.stdout), digestOf(question));
  }

  async function askByCurl(level: Level): Promise<void> {
    const had = web.connections;
    const body = join(folder, "body");
    writeFileSync(body, PIPED);
    const url = `http://127.0.0.1:${agents.portOf(level, "web")}`;
    const flags = ["-sS", "--fail", "-w", "%{num_connects} connected\\n"];
    const post = ["--next", ...flags, "--data-binary", `@${body}`, `${url}/`];
    const asked = await run("curl", [...flags, `${url}/1`, `${url}/2`, `${url}/3`, ...post]);
    assert.equal(asked.code, 0, asked.stderr);
    const answers = ["/1", "/2", "/3", digestOf(PIPED)];
    const lines = answers.map((said, at) => `${said}\n${at === 0 ? 1 : 0} connected\n`);
    assert.equal(asked.stdout, lines.join(""));
    assert.equal(web.connections - had, 1);
  }

  async function copyBySsh(level: Level): Promise<void> {
    const [here, back] = [join(folder, "sent"), join(folder, "back")];
    const there = `${HOST}:${join(ssh.folder, level)}`;
    writeFileSync(here, PIPED);
    const at = ["-q", "-F", ssh.clientConfig, "-P", String(agents.portOf(level, "ssh"))];
    for (const [from, to] of [
      [here, there],
      [there, back],
    ] as const) {
      const { code, stderr } = await run("scp", [...at, from, to]);
      assert.equal(code, 0, stderr);
    }
    assert.equal(await digestOfFile(back), digestOf(PIPED));
    rmSync(back);
  }
});
