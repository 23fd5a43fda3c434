import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { create } from "@bufbuild/protobuf";
import { certificatesFromPem, toPem } from "@tautline/pki";
import { agentIdToBytes, AgentToServerSchema, encodeAgentToServer } from "@tautline/protocol";
import { flipSignature, launchProcess, launchTautline } from "@tautline/testing";
import { type HandMadeAgent, joinByHand } from "../interop/hand-made-agent.ts";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

/** What is promised: links of the revoked are closed, and new ones refused, within this. */
const PROMISED_MS = 5_000;

interface Host {
  readonly id: string;
  readonly data: string;
}

async function joinHost(
  central: RunningCentral,
  transport: "websocket" | "polling",
): Promise<Host> {
  const data = join(central.folder, transport);
  mkdirSync(data, { mode: 0o700 });
  const settings = `central: { transport: ${transport}, pollingInterval: 1s }\n`;
  writeFileSync(join(data, "agent.yaml"), settings, { mode: 0o600 });
  const env = { TAUTLINE_TOKEN: await central.token() };
  await using joining = launchTautline(["agent", "join", "--json", "--data", data], { env });
  assert.equal((await joining.exited).code, 0, joining.stderr);
  return { id: (JSON.parse(joining.stdout) as { id: string }).id, data };
}

const linksOf = async (central: RunningCentral, id: string): Promise<readonly ListedLink[]> =>
  (await central.call<Items<ListedLink>>("GET", `/api/v1/links?agent=${id}`)).items;

async function refusalsOf(central: RunningCentral, id: string): Promise<string[]> {
  const { items } = await central.call<
    Items<{ action: string; actor: string; detail: Record<string, unknown> }>
  >("GET", "/api/v1/audit?limit=1000");
  const refused = items.filter((entry) => entry.action === "link.refused");
  return refused
    .filter(({ actor }) => actor === `agent:${id}`)
    .map(({ detail }) => String(detail["code"]));
}

const revoke = (central: RunningCentral, id: string): Promise<unknown> =>
  central.call("POST", `/api/v1/agents/${id}/revoke`);

interface Dialled {
  readonly answer: string;
  readonly isResumed: boolean;
  readonly sessions: readonly Buffer[];
}

/** Reports one status over a TLS connection of its own, resuming a session if one is given. */
async function report(
  central: RunningCentral,
  agent: HandMadeAgent,
  {
    chainPem = readFileSync(agent.clientChainFile, "utf8"),
    session = undefined as Buffer | undefined,
  } = {},
): Promise<Dialled> {
  const sessions: Buffer[] = [];
  const socket: TLSSocket = connect({
    host: "127.0.0.1",
    port: central.agentsPort,
    rejectUnauthorized: false,
    key: readFileSync(agent.clientKeyFile),
    cert: chainPem,
    ...(session && { session }),
  });
  socket.on("session", (each: Buffer) => void sessions.push(each));
  let isResumed = true;
  socket.once("secureConnect", () => {
    isResumed = socket.isSessionReused();
  });
  socket.write(statusRequest(agent.id));
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return { answer, isResumed, sessions };
}

function statusRequest(id: string): Buffer {
  const fields = { instanceUid: agentIdToBytes(id), capabilities: 1n };
  const body = encodeAgentToServer(create(AgentToServerSchema, fields));
  const head =
    `POST /v1/opamp HTTP/1.1\r\nHost: central\r\nContent-Type: application/x-protobuf\r\n` +
    `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** The same by s_client, which writes the session it was given to a file, or takes one from there. */
async function reportBySClient(
  central: RunningCentral,
  agent: HandMadeAgent,
  sessionWords: readonly string[],
): Promise<{ readonly answer: string; readonly handshake: string }> {
  const address = `127.0.0.1:${central.agentsPort}`;
  const identity = ["-cert", agent.clientChainFile, "-key", agent.clientKeyFile];
  const chain = ["-cert_chain", agent.clientChainFile];
  await using client = launchProcess({
    command: "openssl",
    args: ["s_client", "-ign_eof", "-connect", address, ...identity, ...chain, ...sessionWords],
    input: statusRequest(agent.id),
  });
  await client.exited;
  return { answer: client.stdout + client.stderr, handshake: client.stdout };
}

describe("revocation on every path, with real processes", () => {
  for (const transport of ["websocket", "polling"] as const) {
    it(`A28, F19: the live ${transport} link of a revoked agent ends within 5 s and never comes back, also after a restart of central`, async (t) => {
      await withCentral(async (central) => {
        const host = await joinHost(central, transport);
        await using agent = launchTautline(["agent", "run", "--json", "--data", host.data]);
        await agent.waitForEvent(({ event }) => event === "connected");
        assert.equal((await linksOf(central, host.id))[0]?.transport, transport);
        const began = performance.now();
        await revoke(central, host.id);
        await until(
          async () => ((await linksOf(central, host.id)).length === 0 ? true : undefined),
          t.signal,
        );
        const tookMs = performance.now() - began;
        assert.ok(tookMs < PROMISED_MS, `it took ${tookMs} ms`);
        await until(
          async () =>
            (await refusalsOf(central, host.id)).includes("admission.agent_revoked")
              ? true
              : undefined,
          t.signal,
        );
        await central.process.kill("SIGKILL");
        const ports = { agents: central.agentsPort, console: central.consolePort };
        await using restarted = launchCentral(central.dataDir, ports);
        const again = await describeCentral(restarted, central.dataDir, central.folder);
        const before = (await refusalsOf(again, host.id)).length;
        await until(
          async () => ((await refusalsOf(again, host.id)).length > before ? true : undefined),
          t.signal,
        );
        assert.deepEqual(await linksOf(again, host.id), []);
        assert.deepEqual(
          new Set(await refusalsOf(again, host.id)),
          new Set(["admission.agent_revoked"]),
        );
        await restarted.kill("SIGTERM");
      });
    });
  }

  it("A28: what a client keeps of a session resumes nothing: each handshake is a whole one, and refused", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const file = join(central.folder, "session.pem");
      const first = await reportBySClient(central, agent, ["-sess_out", file]);
      assert.match(first.answer, /HTTP\/1\.1 200/);
      const byNode = await report(central, agent);
      assert.match(byNode.answer, /^HTTP\/1\.1 200/);
      await revoke(central, agent.id);
      // OpenSSL gives each client the name of a session, which central does not keep.
      const words = existsSync(file) ? ["-sess_in", file] : [];
      const second = await reportBySClient(central, agent, words);
      assert.match(second.handshake, /New, TLSv1\.3/);
      assert.doesNotMatch(second.handshake, /Reused/);
      assert.match(second.answer, /HTTP\/1\.1 403[^]*admission\.agent_revoked/);
      const session = byNode.sessions.at(-1);
      const resumed = await report(central, agent, session === undefined ? {} : { session });
      assert.equal(resumed.isResumed, false);
      assert.match(resumed.answer, /^HTTP\/1\.1 403[^]*admission\.agent_revoked/);
    });
  });

  it("A17: a revoked certificate is refused at each dial, and so is the same with its signature flipped, before and after a restart", async () => {
    await withCentral(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const [leaf, ...above] = certificatesFromPem(readFileSync(agent.clientChainFile, "utf8"));
      assert.ok(leaf);
      const flipped = toPem([flipSignature(leaf), ...above]);
      assert.match((await report(central, agent, { chainPem: flipped })).answer, /^HTTP\/1\.1 200/);
      const serial = leaf.serialNumber.toLowerCase();
      await central.call("POST", `/api/v1/certificates/${serial}/revoke`, {});
      const refused = /^HTTP\/1\.1 403[^]*admission\.certificate_revoked/;
      const tryAll = async (at: RunningCentral): Promise<void> => {
        assert.match((await report(at, agent)).answer, refused);
        assert.match((await report(at, agent, { chainPem: flipped })).answer, refused);
      };
      await tryAll(central);
      await central.process.kill("SIGKILL");
      const ports = { agents: central.agentsPort, console: central.consolePort };
      await using restarted = launchCentral(central.dataDir, ports);
      await tryAll(await describeCentral(restarted, central.dataDir, central.folder));
      await restarted.kill("SIGTERM");
    });
  });

  it("central's own certificate and its revocation lists renew themselves while it runs, with lives of 20 s", async (t) => {
    await withCentral(async (first) => {
      // A second central, because the settings of the first are the usual ones.
      await first.process.kill("SIGTERM");
      const lives = "certificates: { centralLifetime: 20s, crlLifetime: 20s }\n";
      writeFileSync(join(first.dataDir, "central.yaml"), lives, { mode: 0o600 });
      await using process = launchCentral(first.dataDir);
      const central = await describeCentral(process, first.dataDir, first.folder);
      const lists = async (): Promise<Map<string, number>> => {
        const { items } = await central.call<Items<{ id: string; crl: { number: number } }>>(
          "GET",
          "/api/v1/authorities",
        );
        return new Map(items.map(({ id, crl }) => [id, crl.number]));
      };
      const shown = async (): Promise<string> => {
        const socket = connect({
          host: "127.0.0.1",
          port: central.agentsPort,
          rejectUnauthorized: false,
        });
        await new Promise((resolve, reject) =>
          socket.once("secureConnect", resolve).once("error", reject),
        );
        const serial = socket.getPeerX509Certificate()?.serialNumber ?? "";
        socket.destroy();
        return serial;
      };
      const [serial, numbers] = [await shown(), await lists()];
      await until(async () => ((await shown()) === serial ? undefined : true), t.signal);
      await until(async () => {
        const now = await lists();
        return [...numbers].every(([id, number]) => (now.get(id) ?? 0) > number) ? true : undefined;
      }, t.signal);
      await process.kill("SIGTERM");
    });
  });
});
