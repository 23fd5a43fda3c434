/* Certificates that are replaced while an edge runs: real processes, an agent told by SW_AGENT_* alone and a receiver that is not ours. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import {
  createOpensslPki,
  type OpensslCertificate,
  type OpensslPki,
  withTempFolder,
} from "@tautline/testing";
import { callSocket } from "../running-central.ts";
import { type EdgeAgent, runEdge } from "../running-edge.ts";
import { until } from "../until.ts";

const COLLECT = "/skywalking.v3.TraceSegmentReportService/collect";
/** Not kept, and open for as long as the program likes. */
const TALK = "/example.Talk/talk";
const GRPC = { "content-type": "application/grpc", te: "trailers" };

const printOf = (der: Uint8Array): string => createHash("sha256").update(der).digest("hex");
const messageOf = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)]);

const printOfPeer = (socket: TLSSocket): string => printOf(socket.getPeerCertificate().raw);

/** A receiver with mutual TLS. */
interface Receiver extends AsyncDisposable {
  readonly port: number;
  /** Of the certificate that each call came under. */
  readonly prints: readonly string[];
  /** Of the certificate that each connection came under. */
  readonly links: readonly string[];
  /** Breaks every connection. */
  drop(): void;
}

async function startReceiver(ca: OpensslCertificate, own: OpensslCertificate): Promise<Receiver> {
  const prints: string[] = [];
  const links: string[] = [];
  const sockets = new Set<Socket>();
  const server = createSecureServer({
    cert: own.certificatePem,
    key: own.keyPem,
    ca: ca.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("secureConnection", (socket) => {
    sockets.add(socket.on("error", () => {}));
    links.push(printOfPeer(socket));
  });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    prints.push(printOfPeer(stream.session?.socket as TLSSocket));
    stream.on("error", () => {});
    stream.respond(
      { ":status": 200, "content-type": GRPC["content-type"] },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    if (headers[":path"] === TALK) stream.pipe(stream);
    else stream.resume().on("end", () => stream.end(Buffer.alloc(5)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    prints,
    links,
    drop,
    [Symbol.asyncDispose]: async () => {
      drop();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** One call of a program; gives its status of gRPC. */
async function collect(program: ClientHttp2Session): Promise<unknown> {
  const stream = program.request({ ":method": "POST", ":path": COLLECT, ...GRPC });
  let status: unknown;
  stream.on("response", (headers) => (status ??= headers["grpc-status"]));
  stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
  stream.end(messageOf("a"));
  await once(stream.resume(), "close");
  return status;
}

interface Files {
  readonly ca?: string | undefined;
  readonly certificate: string;
  readonly key: string;
}

/** Puts files in place, as a tool that renews certificates does; without an authority its file is gone. */
function putFiles(folder: string, { ca, certificate, key }: Files): void {
  const file = join(folder, "ca.crt");
  if (ca === undefined) rmSync(file);
  else writeFileSync(file, ca);
  writeFileSync(join(folder, "client.crt"), certificate);
  writeFileSync(join(folder, "client.key"), key, { mode: 0o600 });
}

interface ShownFiles {
  readonly certificate: { readonly notAfter: string } | null;
  readonly problem: { readonly code: string; readonly text: string } | null;
}

async function shownFiles({ data }: EdgeAgent): Promise<ShownFiles> {
  const { edge } = await callSocket<{ edge: { files: ShownFiles } }>(join(data, "agent.sock"), {
    method: "GET",
    path: "/status",
  });
  return edge.files;
}

interface Scene {
  readonly receiver: Receiver;
  readonly agent: EdgeAgent;
  readonly program: ClientHttp2Session;
  readonly ca: string;
  readonly first: OpensslCertificate;
  readonly next: OpensslCertificate;
  readonly put: (files: Files) => void;
}

const clientOf = (pki: OpensslPki, ca: OpensslCertificate, name: string): OpensslCertificate =>
  pki.issue({ name, issuer: ca, extensions: ["extendedKeyUsage=clientAuth"] });

/** An agent that has not joined runs as an edge under the first of two certificates. */
async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  await withTempFolder(async (path) => {
    const pki = createOpensslPki(path);
    const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
    const ca = pki.issue({ name: "ca", extensions: authority });
    const names = ["subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth"];
    const own = pki.issue({ name: "server", issuer: ca, extensions: names });
    const [first, next] = [clientOf(pki, ca, "first"), clientOf(pki, ca, "next")];
    const data = join(path, "agent");
    const folder = join(data, "pki");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(data, "agent.yaml"), `edge: { listen: "127.0.0.1:0" }`);
    const put = (files: Files): void => putFiles(folder, files);
    put({ ca: ca.certificatePem, certificate: first.certificatePem, key: first.keyPem });
    await using receiver = await startReceiver(ca, own);
    await using agent = await runEdge(data, {
      SW_AGENT_COLLECTOR_BACKEND_SERVICES: `127.0.0.1:${receiver.port}`,
      SW_AGENT_SSL_TRUSTED_CA_PATH: "pki/ca.crt",
      SW_AGENT_SSL_CERT_CHAIN_PATH: "pki/client.crt",
      SW_AGENT_SSL_KEY_PATH: "pki/client.key",
    });
    const program = connect(`http://${agent.address}`);
    program.on("error", () => {});
    try {
      await use({ receiver, agent, program, ca: ca.certificatePem, first, next, put });
    } finally {
      program.destroy();
    }
  });
}

const ownPrint = ({ certificatePem }: OpensslCertificate): string =>
  printOf(Buffer.from(certificatePem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64"));

describe("certificates that are replaced while an edge runs", () => {
  it("SW-11, SWP-2: what is half, does not fit or is gone is named while the old pair goes on; a whole new pair is used, and no call breaks", () =>
    withScene(async ({ receiver, agent, program, ca, first, next, put }) => {
      assert.equal(await collect(program), "0");
      const whole = { ca, certificate: first.certificatePem, key: first.keyPem };
      const half = next.keyPem.slice(0, next.keyPem.length / 2);
      for (const [files, code] of [
        [{ ca, certificate: next.certificatePem, key: half }, "files.key_refused"],
        [{ ...whole, certificate: next.certificatePem }, "files.pair_mismatch"],
        [{ ...whole, ca: undefined }, "files.missing"],
      ] as const) {
        put(files);
        // The next call dials: it looks at the files, and goes under the pair that was whole.
        const before = receiver.links.length;
        receiver.drop();
        await until(async () => {
          assert.equal(await collect(program), "0");
          return receiver.links.length > before ? true : undefined;
        });
        const { problem, certificate } = await until(async () => {
          const shown = await shownFiles(agent);
          return shown.problem?.code === code ? shown : undefined;
        });
        assert.ok(certificate);
        assert.match(agent.process.stderr, new RegExp(code.replace(".", "\\.")));
        assert.match(problem?.text ?? "", /pki\/(client\.key|ca\.crt)/);
      }
      assert.deepEqual([...new Set(receiver.links)], [ownPrint(first)]);

      const talk = program.request({ ":method": "POST", ":path": TALK, ...GRPC });
      const answers: Buffer[] = [];
      talk.on("data", (chunk: Buffer) => answers.push(chunk));
      talk.write(messageOf("before"));
      await once(talk, "data");
      put({ ca, certificate: next.certificatePem, key: next.keyPem });
      await until(async () => (receiver.links.at(-1) === ownPrint(next) ? true : undefined));
      assert.equal(await collect(program), "0");
      assert.equal(receiver.prints.at(-1), ownPrint(next));
      // The call that was under way goes on under the pair that it began with.
      const ended = once(talk, "trailers");
      talk.end(messageOf("after"));
      const [trailers] = (await ended) as [Readonly<Record<string, unknown>>];
      assert.equal(trailers["grpc-status"], "0");
      assert.deepEqual(
        Buffer.concat(answers),
        Buffer.concat([messageOf("before"), messageOf("after")]),
      );
      const shown = await shownFiles(agent);
      assert.equal(shown.problem, null);
      assert.equal((await agent.status()).store.losses.length, 0);
    }));
});
