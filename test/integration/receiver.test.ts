import assert from "node:assert/strict";
import { readFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { request } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { credentials } from "@grpc/grpc-js";
import { dialMutual, openForward, RECEIVER_PATH, RECEIVER_PROTOCOL } from "@tautline/link";
import { certificatesFromPem } from "@tautline/pki";
import { createOpensslPki } from "@tautline/testing";
import { ECHO, grpcCaller, startEcho, tlsCredentials } from "../grpc-peers.ts";
import { joinByHand } from "../interop/hand-made-agent.ts";
import { type Items, type RunningCentral, withCentral } from "../running-central.ts";
import { until } from "../until.ts";

interface ListenerRow {
  readonly addresses: readonly string[];
}

interface Made {
  readonly id: string;
  readonly token: string;
}

interface Row {
  readonly [field: string]: unknown;
}

const openPort = async (central: RunningCentral, name: string): Promise<number> => {
  const order = { bind: "public", port: 0 };
  const { addresses } = await central.call<ListenerRow>("PUT", `/api/v1/listeners/${name}`, order);
  return Number(addresses[0]?.split(":").pop());
};

const addBackend = (central: RunningCentral, name: string, port: number, more: object = {}) =>
  central.call("POST", "/api/v1/backends", { name, targets: [`127.0.0.1:${port}`], ...more });

const client = (central: RunningCentral, name: string, more: object = {}): Promise<Made> =>
  central.call<Made>("POST", "/api/v1/clients", { name, ...more });

const linksOf = async (central: RunningCentral): Promise<readonly Row[]> =>
  (await central.call<Items<Row>>("GET", "/api/v1/links?kind=receiver")).items;

const joined = async (central: RunningCentral) => {
  const agent = await joinByHand(await central.token(), central.folder);
  const [key, chain, root] = [agent.clientKeyFile, agent.clientChainFile, agent.rootsFile].map(
    (file) => readFileSync(file),
  );
  assert.ok(key !== undefined && chain !== undefined && root !== undefined);
  return { id: agent.id, key, chain, root };
};

const rowOf = (rows: readonly Row[], who: string): Row => {
  const found = rows.find((row) => row["client"] === who || row["agent"] === who);
  assert.ok(found !== undefined, who);
  return found;
};

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

type Joined = Awaited<ReturnType<typeof joined>>;

/** As an agent's edge opens it. */
async function openEdge(
  { agentsPort: port }: RunningCentral,
  { key, chain, root }: Joined,
  protocol: string,
): Promise<Duplex> {
  const at = { host: "127.0.0.1", port, timeoutMs: 10_000, now: Date.now };
  const { socket } = await dialMutual({
    ...at,
    trustDomain: "tautline.internal",
    roots: certificatesFromPem(root.toString()),
    identity: { keyPem: key.toString(), chainPem: chain.toString() },
  });
  const asked = { direction: "out", path: RECEIVER_PATH, protocol } as const;
  return openForward({ socket, host: `127.0.0.1:${port}`, ...asked });
}

/** The gRPC status of one unary call by Node's own HTTP/2. */
async function statusOver(session: ClientHttp2Session, text: string): Promise<unknown> {
  const headers = { "content-type": "application/grpc", te: "trailers" };
  const stream = session.request({ ":method": "POST", ":path": ECHO, ...headers });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(text.length, 1);
  const trailers = once(stream, "trailers");
  stream.resume().end(Buffer.concat([prefix, Buffer.from(text)]));
  const [end] = (await trailers) as [Record<string, unknown>];
  return end["grpc-status"];
}

describe("the receiver, called by software that is not ours", { concurrency: 2 }, () => {
  it("SWP-3, SWP-6, SWP-7: tokens and certificates on one port, each call judged by its route, its caller told to the backend and listed", () =>
    withCentral(async (central) => {
      await using echo = await startEcho();
      const agent = await joined(central);
      const port = await openPort(central, "receiver");
      using anybody = grpcCaller(port, tlsCredentials(agent.root));
      assert.equal((await anybody.call("x")).status, "UNIMPLEMENTED", "no backend yet");

      await addBackend(central, "echo", echo.port);
      await addBackend(central, "strict", echo.port, { routes: ["/strict.*"], levels: ["mtls"] });
      await addBackend(central, "told", echo.port, { routes: ["/told.*"], requireToken: true });
      const shop = await client(central, "shop");
      const nobody = await anybody.call("x");
      assert.equal(nobody.status, "UNAUTHENTICATED");
      assert.match(nobody.details, /without a certificate or a token.*receiver\.caller_unproven/);
      const wrong = await anybody.call("x", {
        authentication: shop.token.replace(/.{43}$/, "A".repeat(43)),
      });
      assert.equal(wrong.status, "PERMISSION_DENIED", "SW-13");
      assert.equal((await anybody.call("x", {}, "/told.v1.X/Y")).status, "PERMISSION_DENIED");
      const low = await anybody.call("x", bearer(shop.token), "/strict.v1.X/Y");
      assert.match(low.details, /receiver\.route_level/);

      const spoofed = { "tautline-identity": "spiffe://somebody", "x-forwarded-client-cert": "x" };
      const good = await anybody.call("hello", { authentication: shop.token, ...spoofed });
      assert.deepEqual([good.status, good.message?.toString()], ["OK", "hello"]);
      assert.equal(good.trailers["echo-trailer"], "seen");
      assert.equal((await anybody.call("again", bearer(shop.token))).status, "OK");
      const [first] = echo.taken;
      assert.equal(first?.metadata["tautline-identity"], "client:shop");
      assert.equal(first?.metadata["tautline-namespace"], "default");
      assert.equal(first?.metadata["tautline-level"], "tls");
      assert.equal(first?.metadata["x-forwarded-client-cert"], undefined);
      assert.equal(first?.metadata["authentication"], undefined);

      using proven = grpcCaller(port, tlsCredentials(agent.root, agent.key, agent.chain));
      assert.equal((await proven.call("mutual")).status, "OK");
      const last = echo.taken.at(-1)?.metadata;
      assert.match(String(last?.["tautline-identity"]), new RegExp(`/agent/${agent.id}$`));
      assert.equal(last?.["tautline-level"], "mtls");
      // The stand-in has no such service: what it says comes back as it said it.
      const carried = await proven.call("x", {}, "/strict.v1.X/Y");
      assert.equal(carried.status, "UNIMPLEMENTED");
      assert.doesNotMatch(carried.details, /receiver/);

      const rows = await linksOf(central);
      const [byToken, byCertificate] = ["shop", agent.id].map((who) => rowOf(rows, who));
      assert.equal(byToken?.["level"], "tls");
      assert.match(String(byToken?.["userAgent"]), /grpc-node-js/);
      assert.equal(byCertificate?.["level"], "mtls");
      assert.match(String(byCertificate?.["certificateExpiresAt"]), /^20/);
      assert.equal(byCertificate?.["component"], "echo, strict");
      const { items } = await central.call<Items<Row>>("GET", "/api/v1/backends");
      assert.match(JSON.stringify(items[0]), /"state":"ready"/);
    }));

  it("A28, SWP-3: a revoked token, a revoked agent and a removed backend end the streams that run by them", () =>
    withCentral(async (central) => {
      await using echo = await startEcho();
      const agent = await joined(central);
      const port = await openPort(central, "receiver");
      await addBackend(central, "echo", echo.port);
      const shop = await client(central, "shop");
      const second = await central.call<Made>("POST", "/api/v1/clients/shop/rotate", {});
      using one = grpcCaller(port, tlsCredentials(agent.root));
      const running = await one.chat({ authentication: shop.token });
      using two = grpcCaller(port, tlsCredentials(agent.root));
      const other = await two.chat({ authentication: second.token });
      using three = grpcCaller(port, tlsCredentials(agent.root, agent.key, agent.chain));
      const mutual = await three.chat();

      await central.call("DELETE", `/api/v1/clients/shop?token=${shop.id}`);
      assert.match((await running.ended).details, /receiver\.token_ended/);
      const refused = await one.call("x", { authentication: shop.token });
      assert.equal(refused.status, "PERMISSION_DENIED");
      assert.match(refused.details, /receiver\.token_ended/);
      assert.equal((await two.call("x", { authentication: second.token })).status, "OK");

      await central.call("POST", `/api/v1/agents/${agent.id}/revoke`);
      assert.match((await mutual.ended).details, /admission\.agent_revoked/);
      assert.match((await three.call("x")).details, /admission\.agent_revoked/);

      await central.call("DELETE", "/api/v1/backends/echo");
      assert.notEqual((await other.ended).status, "OK");
      assert.equal((await two.call("x", { authentication: second.token })).status, "UNIMPLEMENTED");
      const { items } = await central.call<Items<{ action: string }>>("GET", "/api/v1/audit");
      const actions = new Set(items.map(({ action }) => action));
      for (const action of [
        "backend.added",
        "backend.removed",
        "client.created",
        "client.rotated",
        "client.token-revoked",
      ]) {
        assert.ok(actions.has(action), action);
      }
    }));

  it("A14: a token that comes in plaintext where a backend takes none is ended; OV-1: where one takes it, plaintext works", () =>
    withCentral(async (central) => {
      await using echo = await startEcho();
      const port = await openPort(central, "receiver-plaintext");
      await addBackend(central, "echo", echo.port);
      const shop = await client(central, "shop");
      using caller = grpcCaller(port, credentials.createInsecure());
      const exposed = await caller.call("x", { authentication: shop.token });
      assert.equal(exposed.status, "PERMISSION_DENIED");
      assert.match(exposed.details, /receiver\.token_exposed/);
      const { items } = await central.call<Items<{ tokens: readonly Row[] }>>(
        "GET",
        "/api/v1/clients",
      );
      assert.equal(items[0]?.tokens[0]?.["why"], "seen in plaintext");

      await central.call("DELETE", "/api/v1/backends/echo");
      await addBackend(central, "echo", echo.port, {
        levels: ["plaintext", "tls"],
        anonymous: true,
      });
      assert.equal((await caller.call("open")).status, "OK");
      assert.equal(echo.taken.at(-1)?.metadata["tautline-identity"], undefined);
    }));

  it("SW-8: a client pair of another authority is named as such at both ends, and nothing of its calls reaches a backend", () =>
    withCentral(async (central) => {
      await using echo = await startEcho();
      const agent = await joined(central);
      const port = await openPort(central, "receiver");
      await addBackend(central, "echo", echo.port, { anonymous: true });
      const folder = join(central.folder, "pki");
      mkdirSync(folder);
      const pki = createOpensslPki(folder);
      const root = pki.issue({
        name: "strange-root",
        extensions: ["basicConstraints=critical,CA:TRUE"],
      });
      const pair = pki.issue({
        name: "strange-client",
        issuer: root,
        extensions: ["subjectAltName=DNS:strange"],
      });
      const [key, chain] = [pair.keyFile, pair.certificateFile].map((file) => readFileSync(file));
      using strange = grpcCaller(port, tlsCredentials(agent.root, key, chain));
      const refused = await strange.call("secret");
      assert.equal(refused.status, "PERMISSION_DENIED");
      assert.match(
        refused.details,
        /No path leads from the certificate '.*strange-client'.*pki\.chain_untrusted/s,
      );
      assert.equal(echo.taken.length, 0);
      await until(async () => /pki\.chain_untrusted/.test(central.process.stderr) || undefined);
    }));

  it("SWP-8: an agent's link goes over to telemetry at its own level, and ends with the agent's right", () =>
    withCentral(async (central) => {
      await using echo = await startEcho();
      const agent = await joined(central);
      await addBackend(central, "echo", echo.port, { levels: ["mtls"] });
      await assert.rejects(openEdge(central, agent, "tautline-forward"), /api\.invalid/);
      const socket = await openEdge(central, agent, RECEIVER_PROTOCOL);
      const edge = connect("http://edge", { createConnection: () => socket });
      edge.on("error", () => {});
      assert.equal(await statusOver(edge, "hello"), "0");
      assert.match(String(echo.taken[0]?.metadata["tautline-identity"]), new RegExp(agent.id));
      const row = rowOf(await linksOf(central), agent.id);
      assert.deepEqual([row["level"], row["component"]], ["mtls", "echo"]);
      const history = "/api/v1/links/history?agent=";
      await until(async () => {
        const { items } = await central.call<Items<Row>>("GET", `${history}${agent.id}`);
        return items.some(({ kind }) => kind === "receiver") || undefined;
      });
      // By GOAWAY, which Node takes for an error.
      const closed = new Promise((resolve) => edge.once("close", resolve));
      await central.call("POST", `/api/v1/agents/${agent.id}/quarantine`);
      await closed;
      await assert.rejects(openEdge(central, agent, RECEIVER_PROTOCOL), /quarantine/);
    }));

  it("SWP-3: HTTP is judged as gRPC is, at the secure port and at the agents' port", () =>
    withCentral(async (central) => {
      const seen: Row[] = [];
      const backend = createServer((incoming, answer) => {
        seen.push({ url: incoming.url, ...incoming.headers });
        answer.end("{}");
      });
      backend.listen(0, "127.0.0.1");
      await once(backend, "listening");
      const { port: to } = backend.address() as AddressInfo;
      const agent = await joined(central);
      const port = await openPort(central, "receiver");
      await addBackend(central, "otlp", to, { protocol: "http", routes: ["/v1/traces", "/v3/*"] });
      const shop = await client(central, "shop");
      const post = (path: string, headers: Record<string, string> = {}) =>
        postTo(port, agent.root, { path, headers });
      const refused = await post("/v3/segments");
      assert.deepEqual([refused.status, refused.type], [401, "application/problem+json"]);
      assert.match(refused.text, /receiver\.caller_unproven/);
      assert.equal((await post("/v1/traces", bearer(`${shop.token}x`))).status, 401);
      assert.equal((await post("/v1/metrics", bearer(shop.token))).status, 404);
      assert.equal((await post("/v1/traces", bearer(shop.token))).status, 200);
      assert.equal((await post("/v3/segments", { authentication: shop.token })).status, 200);
      assert.deepEqual(
        seen.map((each) => [each["url"], each["tautline-client"], each["authorization"]]),
        [
          ["/v1/traces", "shop", undefined],
          ["/v3/segments", "shop", undefined],
        ],
      );
      backend.close();

      await using echo = await startEcho();
      await addBackend(central, "echo", echo.port);
      using viaAgents = grpcCaller(
        central.agentsPort,
        tlsCredentials(agent.root, agent.key, agent.chain),
      );
      assert.equal((await viaAgents.call("one port for all", {}, ECHO)).status, "OK");
    }));
});

interface Answered {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

function postTo(
  port: number,
  ca: Buffer,
  { path, headers }: { readonly path: string; readonly headers: Record<string, string> },
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = { port, host: "localhost", ca, method: "POST", path, headers, agent: false };
    const call = request(options, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: answer.statusCode, type: answer.headers["content-type"], text });
      });
      answer.on("error", reject);
    });
    call.on("error", reject);
    call.end("body");
  });
}
