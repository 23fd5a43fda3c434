import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { type Level, LEVELS } from "@tautline/protocol";
import {
  array,
  assert as check,
  asyncProperty,
  constantFrom,
  nat,
  tuple,
  uint8Array,
} from "fast-check";
import { type ConnectionTaker, createOpeningPort } from "./opening-port.ts";

const HOST = "127.0.0.1";

/** What one end said and what the other heard of it, whole. */
interface Session {
  readonly up: Buffer;
  readonly down: Buffer;
}

/** Answers whatever was said with its complement, so that both directions carry all byte values, and ends when its caller does. */
function answering(heard: (bytes: Buffer) => void): ConnectionTaker {
  return {
    emit: (_event, socket) => {
      const parts: Buffer[] = [];
      socket.on("error", () => {});
      socket.on("data", (part: Buffer) => {
        parts.push(part);
        socket.write(part.map((byte) => 255 - byte));
      });
      socket.on("end", () => {
        heard(Buffer.concat(parts));
        socket.end();
      });
      return true;
    },
  };
}

const nobody: ConnectionTaker = { emit: (_event, socket) => socket.destroy() !== undefined };

function levelPort(plain: ConnectionTaker, accepted: readonly Level[]): Server {
  return createOpeningPort({
    openingTimeoutMs: 60_000,
    maxConnections: 100,
    accepts: (level) => accepted.includes(level),
    explain: (level) => ({ code: "test", text: `no ${level} here`, remedy: "" }),
    plain,
    certificates: nobody,
    advanced: nobody,
    basic: nobody,
    onFailed: () => {},
  });
}

const barePort = (plain: ConnectionTaker): Server =>
  createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) =>
    plain.emit("connection", socket),
  );

async function run(
  open: (plain: ConnectionTaker) => Server,
  parts: readonly Uint8Array[],
): Promise<Session> {
  const heard = Promise.withResolvers<Buffer>();
  const server = open(answering(heard.resolve));
  server.listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const caller = connect({ host: HOST, port, allowHalfOpen: true, noDelay: true });
  const down = buffer(caller);
  for (const part of parts) await new Promise((sent) => caller.write(part, sent));
  caller.end();
  const session = { up: await heard.promise, down: await down };
  const closed = once(server, "close");
  server.close();
  await closed;
  return session;
}

const methods = constantFrom("GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ");
const sessions = tuple(
  methods,
  uint8Array({ maxLength: 3_000 }),
  array(nat(3_008), { maxLength: 6 }),
)
  .map(([method, rest, cuts]) => {
    const whole = Buffer.concat([Buffer.from(method), rest]);
    const places = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].toSorted(
      (a, b) => a - b,
    );
    return [0, ...places].map((from, at) => whole.subarray(from, places[at] ?? whole.length));
  })
  .map((parts) => parts.filter((part) => part.length > 0));

describe("a plaintext session (OV-1)", () => {
  it("is the same to the byte in both directions, whatever else its port speaks and however it is cut", async () => {
    await check(
      asyncProperty(sessions, async (parts) => {
        const alone = await run(barePort, parts);
        assert.deepEqual(alone.up, Buffer.concat(parts));
        assert.deepEqual(alone.down, Buffer.from(alone.up.map((byte) => 255 - byte)));
        for (const accepted of [["plaintext"], LEVELS] as const) {
          assert.deepEqual(await run((plain) => levelPort(plain, accepted), parts), alone);
        }
      }),
      { numRuns: 40 },
    );
  });
});
