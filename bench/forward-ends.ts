/**
 * The programs at both ends of the benchmark of forwards, driven over its channel: a server that swallows or echoes, as the first byte of a
 * connection says, and clients that reach it by whatever port they are given. Both are one process, the same for every peer.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { answerQuestions } from "./worker.ts";

const SWALLOW = Buffer.from("S");
const ECHO = Buffer.from("E");
const LENGTH_BYTES = 8;
const CHUNK = Buffer.alloc(128 * 1024, 7);
const MESSAGE = Buffer.alloc(100, 7);

/** Bytes through a port, shared by so many connections at once. */
interface Bulk {
  readonly port: number;
  readonly bytes: number;
  readonly streams: number;
}

interface Talk {
  readonly port: number;
  readonly count: number;
}

interface Short extends Talk {
  readonly atOnce: number;
}

const held: Socket[] = [];

answerQuestions({
  open: async () => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, serve);
    server.listen(0, "127.0.0.1", 4_096);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },
  /** Milliseconds until the server has heard every byte and said so: not every program of this kind passes a half-close on. */
  bulk: async ({ port, bytes, streams }: Bulk) => {
    const began = performance.now();
    const share = Math.ceil(bytes / streams);
    await Promise.all(Array.from({ length: streams }, () => pour(port, share)));
    return performance.now() - began;
  },
  /** Microseconds of one request and its answer, on a connection that stays: the middle one and the 99th of a hundred. */
  talk: async ({ port, count }: Talk) => {
    const socket = await dial(port);
    socket.write(ECHO);
    const times: number[] = [];
    for (let each = 0; each < count; each += 1) times.push(await roundTrip(socket));
    socket.destroy();
    const sorted = times.toSorted((one, other) => one - other);
    const [p50, p99] = [0.5, 0.99].map((share) => sorted[Math.floor(count * share)]);
    return { p50, p99 };
  },
  /** Milliseconds for so many connections, each with one request and its answer. */
  short: async ({ port, count, atOnce }: Short) => {
    const began = performance.now();
    let left = count;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const socket = await dial(port);
        socket.write(ECHO);
        await roundTrip(socket);
        socket.end();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return performance.now() - began;
  },
  /** Opens connections that stay, each after one request and its answer. */
  hold: async ({ port, count }: Talk) => {
    for (let each = 0; each < count; each += 1) {
      const socket = await dial(port);
      socket.write(ECHO);
      await roundTrip(socket);
      held.push(socket);
    }
  },
  drop: () => {
    for (const socket of held.splice(0)) socket.destroy();
  },
});

function serve(socket: Socket): void {
  socket.on("error", () => socket.destroy()).once("end", () => socket.end());
  socket.once("data", (first: Buffer) => {
    if (first[0] === SWALLOW[0]) {
      swallow(socket, first.subarray(1));
      return;
    }
    if (first.length > 1) socket.write(first.subarray(1));
    socket.on("data", (part) => socket.write(part));
  });
}

/** Eight bytes say how many others come; when they have come, one answers. */
function swallow(socket: Socket, first: Buffer): void {
  let head = first;
  let left = Number.POSITIVE_INFINITY;
  const take = (part: Buffer): void => {
    if (Number.isFinite(left)) {
      left -= part.length;
    } else {
      head = Buffer.concat([head, part]);
      if (head.length < LENGTH_BYTES) return;
      left = Number(head.readBigUInt64BE(0)) - (head.length - LENGTH_BYTES);
    }
    if (left === 0) socket.write(SWALLOW);
  };
  take(Buffer.alloc(0));
  socket.on("data", take);
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
  await once(socket, "connect");
  // A peer may reset what is over; whoever waits for an answer fails by the end of the run's time.
  socket.on("error", () => socket.destroy());
  return socket;
}

async function pour(port: number, bytes: number): Promise<void> {
  const socket = await dial(port);
  const heard = once(socket, "data");
  const head = Buffer.alloc(1 + LENGTH_BYTES);
  head.set(SWALLOW);
  head.writeBigUInt64BE(BigInt(bytes), 1);
  socket.write(head);
  for (let left = bytes; left > 0; left -= CHUNK.length) {
    const part = left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left);
    if (!socket.write(part)) await once(socket, "drain");
  }
  await heard;
  socket.destroy();
}

/** @returns microseconds */
async function roundTrip(socket: Socket): Promise<number> {
  const began = performance.now();
  let lacking = MESSAGE.length;
  socket.write(MESSAGE);
  while (lacking > 0) {
    const [part] = (await once(socket, "data")) as [Buffer];
    lacking -= part.length;
  }
  return (performance.now() - began) * 1_000;
}

process.on("SIGTERM", () => process.exit(0));
process.once("disconnect", () => process.exit(0));
