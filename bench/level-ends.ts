/**
 * The accepting end of the benchmark of levels, driven over its channel: a port for all levels, the same with all but plaintext off, and one
 * that takes whatever comes. Each connection says how many bytes it will send, and is told when they have come; as often as it likes.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  acceptBasic,
  basicPsk,
  createAdvancedAcceptor,
  createClientJudge,
  createOpeningPort,
  createTlsAcceptor,
  rootsPem,
} from "@tautline/link";
import { certificatesFromPem } from "@tautline/pki";
import type { Level } from "@tautline/protocol";
import { PLAIN_OPENING } from "./level-opening.ts";
import type { LevelWorld } from "./level-world.ts";
import { answerQuestions } from "./worker.ts";

const TIMEOUT_MS = 10_000;
const LENGTH_BYTES = 4;

answerQuestions({
  open: async (world: LevelWorld) => ({
    all: await listening(levelPort(world, () => true)),
    only: await listening(levelPort(world, (level) => level === "plaintext")),
    bare: await listening(createServer({ noDelay: true }, (socket) => sink(socket, true))),
    // What stunnel and haproxy lead to.
    behind: await listening(createServer({ noDelay: true }, (socket) => sink(socket, false))),
  }),
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
});

function levelPort(world: LevelWorld, accepts: (level: Level) => boolean): Server {
  const key = { name: world.keyName, version: 1, sharedKey: Buffer.from(world.sharedKey, "hex") };
  const psk = basicPsk(key.sharedKey);
  const roots = certificatesFromPem(world.rootPem);
  const limits = { handshakeTimeoutMs: TIMEOUT_MS, timeoutMs: TIMEOUT_MS, now: Date.now };
  const acceptor = createTlsAcceptor({
    ...limits,
    identity: world.central,
    clientRootsPem: rootsPem(roots),
    judgeClient: createClientJudge({
      trustDomain: world.trustDomain,
      roots: () => roots,
      isRevoked: () => false,
      now: Date.now,
    }),
    onSecured: (socket) => sink(socket, false),
    onFailed: complain,
  });
  const advanced = createAdvancedAcceptor({
    ...limits,
    findKey: ({ name }) => (name === key.name ? key : undefined),
    onSecured: (socket) => sink(socket, false),
    onFailed: complain,
  });
  const findKeys = ({ name }: { readonly name: string }) =>
    name === key.name ? [{ name, version: 1, psk }] : [];
  const basic = taking((socket) => {
    acceptBasic(socket, { ...limits, findKeys, address: "a caller" }).then(
      ({ stream }) => sink(stream, false),
      complain,
    );
  });
  return createOpeningPort({
    openingTimeoutMs: TIMEOUT_MS,
    maxConnections: 10_000,
    accepts,
    explain: (level) => ({ code: "bench", text: `no ${level}`, remedy: "" }),
    plain: taking((socket) => sink(socket, true)),
    certificates: acceptor.server,
    advanced,
    basic,
    onFailed: complain,
  });
}

function taking(take: (socket: Socket) => void) {
  return {
    emit: (_event: "connection", socket: Socket): boolean => {
      take(socket);
      return true;
    },
  };
}

/** Reads as many bytes as were announced and answers one; as often as the caller likes. */
function sink(stream: Duplex, hasOpening: boolean): void {
  let skip = hasOpening ? PLAIN_OPENING.length : 0;
  let head = Buffer.alloc(0);
  let left = 0;
  stream.on("error", () => stream.destroy());
  stream.on("data", (part: Buffer) => {
    let bytes = part.subarray(Math.min(skip, part.length));
    skip -= part.length - bytes.length;
    while (bytes.length > 0) {
      if (left === 0) {
        const lacking = LENGTH_BYTES - head.length;
        head = Buffer.concat([head, bytes.subarray(0, lacking)]);
        bytes = bytes.subarray(lacking);
        if (head.length < LENGTH_BYTES) return;
        left = head.readUInt32BE(0);
        head = Buffer.alloc(0);
      }
      const taken = Math.min(left, bytes.length);
      left -= taken;
      bytes = bytes.subarray(taken);
      if (left === 0) stream.write(Buffer.of(1));
    }
  });
  stream.on("end", () => stream.end());
}

async function listening(server: Server): Promise<number> {
  server.on("connection", (socket: Socket) => socket.on("error", () => {}));
  server.listen(0, "127.0.0.1", 4_096);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function complain(error: unknown): void {
  console.error(error);
}

process.on("SIGTERM", () => process.exit(0));
process.once("disconnect", () => process.exit(0));
