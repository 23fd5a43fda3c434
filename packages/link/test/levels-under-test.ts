import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { spkiPin } from "@tautline/pki";
import type { LevelListener, LevelUnderTest, SecuredEnd } from "@tautline/testing";
import { createFleetAuthority, testNow } from "./fleet-authority.ts";
import { createTlsAcceptor } from "../src/accept-tls.ts";
import { createAdvancedAcceptor } from "../src/advanced/accept-advanced.ts";
import { dialAdvanced } from "../src/advanced/dial-advanced.ts";
import { acceptBasic } from "../src/basic/accept-basic.ts";
import { dialBasic } from "../src/basic/dial-basic.ts";
import { basicPsk } from "../src/basic/prologue.ts";
import { createClientJudge } from "../src/client-judge.ts";
import { dialMutual, dialPinned } from "../src/dial-tls.ts";
import { plaintextEvidence } from "../src/plaintext/plaintext-evidence.ts";
import { rootsPem } from "../src/tls-settings.ts";

/** For a dialler whose other end says nothing that can be understood. */
const GIVE_UP_MS = 1_000;
const HOST = "127.0.0.1";
const authority = createFleetAuthority();
const sharedKey = Buffer.alloc(32, 1);
const psk = basicPsk(sharedKey);
const key = { name: "legacy", version: 1 };

type Take = (end: SecuredEnd) => void;

async function dialTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** A port whose every connection is handed on. */
async function listenWith(take: (socket: Socket) => void): Promise<LevelListener> {
  return started(createServer({ allowHalfOpen: true, noDelay: true }, take));
}

async function started(server: Server): Promise<LevelListener> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
  });
  server.listen(0, HOST);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

const end = { address: "the other end", timeoutMs: GIVE_UP_MS, now: testNow };

const plaintext: LevelUnderTest = {
  level: "plaintext",
  isSealed: false,
  provesEnd: false,
  listen: (take: Take) =>
    listenWith((stream) => take({ stream, evidence: plaintextEvidence(testNow) })),
  dial: async (port) => ({
    stream: await dialTcp(port),
    evidence: plaintextEvidence(testNow),
  }),
};

const basic: LevelUnderTest = {
  level: "basic",
  isSealed: true,
  provesEnd: true,
  listen: (take: Take) =>
    listenWith((socket) => {
      acceptBasic(socket, { ...end, findKeys: () => [{ ...key, psk }] }).then(take, () => {});
    }),
  dial: async (port) => dialBasic(await dialTcp(port), { ...end, key, psk, isBound: false }),
};

const advanced: LevelUnderTest = {
  level: "advanced",
  isSealed: true,
  provesEnd: false,
  listen: (take: Take) => {
    const server = createAdvancedAcceptor({
      findKey: () => ({ ...key, sharedKey }),
      handshakeTimeoutMs: GIVE_UP_MS,
      now: testNow,
      onSecured: (stream, evidence) => take({ stream, evidence }),
      onFailed: () => {},
    });
    return listenWith((socket) => void server.emit("connection", socket));
  },
  dial: async (port) =>
    dialAdvanced(await dialTcp(port), { ...end, host: HOST, key, sharedKey, isBound: false }),
};

function listenTls(take: Take): Promise<LevelListener> {
  const acceptor = createTlsAcceptor({
    identity: authority.central(),
    clientRootsPem: rootsPem([authority.root]),
    judgeClient: createClientJudge({
      trustDomain: authority.trustDomain,
      roots: () => [authority.root],
      isRevoked: () => false,
      now: testNow,
    }),
    handshakeTimeoutMs: GIVE_UP_MS,
    now: testNow,
    onSecured: (stream, evidence) => take({ stream, evidence }),
    onFailed: () => {},
  });
  return started(acceptor.server);
}

const dialling = (port: number) => ({
  host: HOST,
  port,
  trustDomain: authority.trustDomain,
  timeoutMs: GIVE_UP_MS,
  now: testNow,
});

const tls: LevelUnderTest = {
  level: "tls",
  isSealed: true,
  provesEnd: false,
  listen: listenTls,
  dial: async (port) => {
    const pins = [spkiPin(authority.root)];
    const { socket, evidence } = await dialPinned({ ...dialling(port), pins });
    return { stream: socket, evidence };
  },
};

const mtls: LevelUnderTest = {
  level: "mtls",
  isSealed: true,
  provesEnd: false,
  listen: listenTls,
  dial: async (port) => {
    const identity = authority.agent("agent-client");
    const roots = [authority.root];
    const { socket, evidence } = await dialMutual({ ...dialling(port), roots, identity });
    return { stream: socket, evidence };
  },
};

/** Every level as the contracts take it. */
export const LEVELS_UNDER_TEST: readonly LevelUnderTest[] = [plaintext, basic, advanced, tls, mtls];
