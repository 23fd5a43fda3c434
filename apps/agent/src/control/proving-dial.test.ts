import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { listenOn, proofFor, proofHeader, type SecuredSocket } from "@tautline/link";
import {
  createKeyPair,
  decodeIdentityProof,
  exportPrivateKey,
  formatProofChallenge,
  isIdentitySignature,
  PROOF_CHALLENGE,
  PROOF_HEADER,
} from "@tautline/pki";
import {
  agentIdToBytes,
  encodeAgentToServer,
  encodeFrame,
  isTautlineError,
  type Level,
  type LinkEvidence,
  toBase64Url,
} from "@tautline/protocol";
import { createTestAuthority } from "@tautline/testing";
import { WebSocketServer } from "ws";
import { sampleIdentity } from "../../test/sample-states.ts";
import { OPAMP_PATH } from "./opamp-path.ts";
import { provingDial } from "./proving-dial.ts";
import type { Dial } from "./transport.ts";
import { openTransportFor } from "./transports.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const MESSAGE = encodeAgentToServer({ instanceUid: agentIdToBytes(ID), sequenceNum: 1n });
const BINDING = Buffer.alloc(32, 4);
const NONCE = Buffer.alloc(32, 8);

const authority = createTestAuthority({ trustDomain: "fleet.test" });
const key = createKeyPair("p256");
const clientChainPem = authority.issueAgentLeaf({
  namespace: "default",
  agentId: ID,
  publicKey: key.publicKey,
  purpose: "client",
});
const WHO = {
  identity: { ...sampleIdentity, clientChainPem, trustDomain: "fleet.test" },
  keys: { client: exportPrivateKey(key.privateKey), server: "" },
};
const PROVEN = { chainPem: clientChainPem, keyPem: WHO.keys.client, trustDomain: "fleet.test" };

const evidenceAt = (level: Level): LinkEvidence => ({
  level,
  protocol: null,
  cipher: null,
  group: null,
  pq: false,
  serverProven: false,
  clientProven: false,
  forwardSecret: false,
  peerId: null,
  peerSerial: null,
  keyId: null,
  since: "2026-11-28T00:00:00.000Z",
});

/** Fails unless a header proves this agent at a level over a binding. */
function assertProves(header: unknown, level: Level, binding: Uint8Array): void {
  const { chain, signature } = decodeIdentityProof(String(header));
  const subject = {
    role: "agent",
    agentId: ID,
    trustDomain: "fleet.test",
    level,
    binding,
  } as const;
  assert.ok(isIdentitySignature(key.publicKey, subject, signature));
  assert.equal(chain.length, 2);
}

/** A central on plaintext that gives the number and notes what each request proved, by connection. */
async function withPlaintextCentral(
  use: (central: {
    readonly dial: Dial;
    readonly address: string;
    readonly seen: string[];
  }) => Promise<void>,
  answerChallenge = 401,
): Promise<void> {
  const seen: string[] = [];
  const ports: number[] = [];
  const note = (what: string, { headers, socket }: IncomingMessage): void => {
    const port = socket.remotePort ?? 0;
    if (!ports.includes(port)) ports.push(port);
    const proof = String(headers[PROOF_HEADER]);
    if (proof !== PROOF_CHALLENGE) assertProves(proof, "plaintext", NONCE);
    seen.push(`${what} ${proof === PROOF_CHALLENGE ? "asks" : "proves"} on ${ports.indexOf(port)}`);
  };
  const http = createServer((request, response) => {
    note("post", request);
    const isAsking = request.headers[PROOF_HEADER] === PROOF_CHALLENGE;
    if (isAsking) {
      response.setHeader("www-authenticate", formatProofChallenge(toBase64Url(NONCE)));
      response.writeHead(answerChallenge).end();
    } else {
      response.setHeader("content-type", "application/x-protobuf");
      response.end(MESSAGE);
    }
    request.resume();
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on("upgrade", (request, socket, head) => {
    note("upgrade", request);
    sockets.handleUpgrade(request, socket, head, (open) => {
      open.on("message", () => open.send(encodeFrame(MESSAGE)));
    });
  });
  const { port } = await listenOn(http, { host: "127.0.0.1", port: 0 });
  const plain: Dial = () =>
    Promise.resolve({
      socket: connect({ host: "127.0.0.1", port }),
      evidence: evidenceAt("plaintext"),
      binding: () => undefined,
    });
  try {
    await use({ dial: provingDial(plain, WHO), address: `127.0.0.1:${port}`, seen });
  } finally {
    for (const client of sockets.clients) client.terminate();
    http.closeAllConnections();
    http.close();
  }
}

for (const level of ["basic", "advanced", "tls"] as const) {
  test(`at ${level} the proof is bound to the connection`, async () => {
    const link = {
      socket: connect({ port: 1 }),
      evidence: evidenceAt(level),
      binding: () => BINDING,
    };
    link.socket.on("error", () => {});
    const proving = await provingDial(() => Promise.resolve(link), WHO)("a:1", NEVER);
    const headers = await proofFor(proving, QUESTION);
    assertProves(headers[PROOF_HEADER], level, BINDING);
    const other = proofHeader(PROVEN, { level, binding: NONCE });
    assert.notEqual(other[PROOF_HEADER], headers[PROOF_HEADER]);
    link.socket.destroy();
  });
}

const NEVER = new AbortController().signal;
const QUESTION = { address: "a:1", path: OPAMP_PATH, signal: NEVER };

/** A link that nothing is to be said on. */
function bareLink(level: Level): SecuredSocket {
  const socket = connect({ port: 1 }).on("error", () => {});
  socket.destroy();
  return { socket, evidence: evidenceAt(level) };
}

test("at mtls, and for who has no identity, nothing is proven beside the handshake", async () => {
  const mutual = await provingDial(() => Promise.resolve(bareLink("mtls")), WHO)("a:1", NEVER);
  assert.deepEqual(await proofFor(mutual, QUESTION), {});
  assert.deepEqual(await proofFor(bareLink("plaintext"), QUESTION), {});
});

test("a link that should have something to bind to, and has not, proves nothing", async () => {
  const socket = connect({ port: 1 }).on("error", () => {});
  const bare: SecuredSocket = { socket, evidence: evidenceAt("basic") };
  const link = await provingDial(() => Promise.resolve(bare), WHO)("a:1", NEVER);
  await assert.rejects(
    proofFor(link, QUESTION),
    (error) => isTautlineError(error) && error.code === "link.unproven_level",
  );
  socket.destroy();
});

for (const name of ["websocket", "polling"] as const) {
  test(`${name}: on plaintext a number is asked for and signed on the same connection`, async () => {
    await withPlaintextCentral(async ({ dial, address, seen }) => {
      const answered = Promise.withResolvers<void>();
      const transport = await openTransportFor(name)({
        address,
        dial,
        signal: NEVER,
        events: { onMessage: () => answered.resolve(), onClosed: () => {} },
      });
      transport.send(MESSAGE);
      await answered.promise;
      await transport.close();
      const what = name === "polling" ? "post" : "upgrade";
      assert.deepEqual(seen, ["post asks on 0", `${what} proves on 0`]);
    });
  });

  test(`${name}: a central that gives no number is not spoken to further`, async () => {
    await withPlaintextCentral(async ({ dial, address, seen }) => {
      const opening = openTransportFor(name)({
        address,
        dial,
        signal: NEVER,
        events: { onMessage: () => {}, onClosed: () => {} },
      });
      await assert.rejects(
        opening,
        (error) => isTautlineError(error) && error.code === "link.refused",
      );
      assert.deepEqual(seen, ["post asks on 0"]);
    }, 403);
  });
}

test("polling: after a lost connection the identity is proven anew on the next one", async () => {
  await withPlaintextCentral(async ({ dial, address, seen }) => {
    const dialled: SecuredSocket[] = [];
    const noting: Dial = async (where, signal) => {
      const link = await dial(where, signal);
      dialled.push(link);
      return link;
    };
    let answered = Promise.withResolvers<void>();
    const transport = await openTransportFor("polling")({
      address,
      dial: noting,
      signal: NEVER,
      events: { onMessage: () => answered.resolve(), onClosed: () => {} },
    });
    for (let time = 0; time < 2; time += 1) {
      answered = Promise.withResolvers<void>();
      transport.send(MESSAGE);
      await answered.promise;
      dialled.at(-1)?.socket.destroy();
    }
    await transport.close();
    assert.deepEqual(seen, [
      "post asks on 0",
      "post proves on 0",
      "post asks on 1",
      "post proves on 1",
    ]);
  });
});
