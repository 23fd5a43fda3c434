import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { isTautlineError, type Level, type LinkEvidence } from "@tautline/protocol";
import { createSeededRandom } from "../seeded-random.ts";
import { startTcpRelay, type TcpRelayOptions } from "../tcp-relay.ts";

/** One end of a link that was secured. */
export interface SecuredEnd {
  readonly stream: Duplex;
  readonly evidence: LinkEvidence;
}

/** A listener of one level on a port of the loopback interface. */
export interface LevelListener extends AsyncDisposable {
  readonly port: number;
}

/** What the contract needs of a level. */
export interface LevelUnderTest {
  readonly level: Level;
  /** Whoever changes, repeats or turns round what is said is found. Only plaintext is not. */
  readonly isSealed: boolean;
  /** A connection that was cut is never taken for one that ended; where not, the protocol inside has to see to it. */
  readonly provesEnd: boolean;
  listen(onSecured: (end: SecuredEnd) => void): Promise<LevelListener>;
  /** Dials a port of the loopback interface; gives up soon, for attackers who only hold it up. */
  dial(port: number): Promise<SecuredEnd>;
}

const FLIPS = 24;
const RESETS = 24;
/** Handshake and question of every level are shorter; a flip beyond their end is none, and proves that nothing else was refused. */
const LONGEST_TALK_BYTES = 2_500;
const QUESTION = Buffer.from(
  "what is said here is heard as it was said, or not at all; ".repeat(4),
);

/**
 * Registers the tests that every level passes, whoever stands between its ends (DESIGN section 4; A23, A24, F15 to F17).
 *
 * @param level the level under test
 */
export function levelContract(level: LevelUnderTest): void {
  describe(`the level ${level.level}`, () => {
    it("is what both ends say it is", async () => {
      await using scene = await openScene(level);
      const { dialled } = await scene.talk();
      assert.equal(dialled.evidence.level, level.level);
      assert.deepEqual(
        scene.accepted.map(({ evidence }) => evidence.level),
        [level.level],
      );
    });

    it("carries bytes of any length, and each direction ends by itself", async () => {
      await using scene = await openScene(level);
      const { stream } = await level.dial(scene.port);
      const long = Buffer.alloc(300_001, "a long way");
      const heard = collect(stream);
      stream.end(long);
      assert.ok((await heard).equals(long), "the other end answered after this one had ended");
    });

    it("works when every byte comes by itself", async () => {
      await using scene = await openScene(level, { piece: 1 });
      assert.ok((await scene.talk()).heard.equals(QUESTION));
    });

    it(`goes no lower after a reset at any of ${RESETS} bytes: one dial is one connection (A24, F17)`, async () => {
      const length = (await recordTalk(level)).length;
      const { integer } = createSeededRandom(`${level.level} resets`);
      for (let round = 0; round < RESETS; round += 1) {
        const resetAfter = 1 + integer(length);
        await using scene = await openScene(level, { resetAfter });
        await settle(scene.talk());
        assert.equal(scene.connections(), 1, `reset after ${resetAfter} of ${length} bytes`);
      }
    });

    it("ends at both ends when the connection is cut, and is not taken for ended where the level can tell", async () => {
      await using scene = await openScene(level);
      const { stream } = await level.dial(scene.port);
      stream.on("error", () => {});
      stream.write("half of it");
      await once(stream, "data");
      const ends = [stream, ...scene.accepted.map((each) => each.stream)].map(endOf);
      scene.cut();
      const expected = level.provesEnd ? "link.truncated" : "end";
      assert.deepEqual(await Promise.all(ends), [expected, expected]);
    });

    if (level.isSealed) sealedTests(level);
  });
}

function sealedTests(level: LevelUnderTest): void {
  for (const direction of ["up", "down"] as const) {
    it(`delivers nothing that was changed on the way ${direction}, at any of ${FLIPS} bits`, async () => {
      const { integer } = createSeededRandom(`${level.level} ${direction}`);
      let broken = 0;
      for (let round = 0; round < FLIPS; round += 1) {
        const bit = integer(8 * LONGEST_TALK_BYTES);
        const flip = (bytes: Buffer, at: number): Buffer => flipped(bytes, bit - 8 * at);
        await using scene = await openScene(level, { [direction]: flip });
        const talk = await settle(scene.talk());
        const heard = "heard" in talk ? [talk.heard, ...scene.heard()] : scene.heard();
        for (const part of heard) {
          assert.ok(QUESTION.subarray(0, part.length).equals(part), `bit ${bit} was believed`);
        }
        if (!("heard" in talk) || !talk.heard.equals(QUESTION)) broken += 1;
      }
      assert.ok(broken > 0, "some of the bits were on the way");
    });
  }

  it("delivers nothing of a conversation that is played again (F16)", async () => {
    const recorded = await recordTalk(level);
    await using scene = await openScene(level);
    const socket = await connectTo(scene.port);
    socket.end(recorded);
    await once(socket.resume(), "close");
    assert.deepEqual(Buffer.concat(scene.heard()).length, 0);
  });

  it("takes its own voice for nobody else's (reflection, A23)", async () => {
    const mirror = createServer((socket) => socket.on("error", () => {}).pipe(socket));
    mirror.listen(0, "127.0.0.1");
    await once(mirror, "listening");
    try {
      const end = await settle(level.dial((mirror.address() as AddressInfo).port));
      assert.ok(isTautlineError(end), "it fails, and by a name of the catalogue");
    } finally {
      mirror.close();
    }
  });
}

interface Talk {
  readonly dialled: SecuredEnd;
  /** What came back. */
  readonly heard: Buffer;
}

interface Scene extends AsyncDisposable {
  /** Of the relay before the listener. */
  readonly port: number;
  readonly accepted: SecuredEnd[];
  /** What each accepted end was told. */
  readonly heard: () => Buffer[];
  readonly connections: () => number;
  readonly cut: () => void;
  /** Dials, asks, and hears what comes back until it ends or breaks. */
  readonly talk: () => Promise<Talk>;
  readonly said: () => Buffer;
}

/** A listener that says back what it is told, behind a relay. */
async function openScene(
  level: LevelUnderTest,
  change: Partial<TcpRelayOptions> = {},
): Promise<Scene> {
  const accepted: SecuredEnd[] = [];
  const told: Buffer[][] = [];
  const listener = await level.listen((end) => {
    const parts: Buffer[] = [];
    accepted.push(end);
    told.push(parts);
    end.stream.on("error", () => {});
    end.stream.on("data", (part: Buffer) => {
      parts.push(part);
      end.stream.write(part);
    });
    end.stream.on("end", () => end.stream.end());
  });
  const relay = await startTcpRelay({ toPort: listener.port, ...change });
  return {
    port: relay.port,
    accepted,
    heard: () => told.map((parts) => Buffer.concat(parts)),
    connections: relay.connections,
    cut: relay.cut,
    said: relay.said,
    talk: async () => {
      const dialled = await level.dial(relay.port);
      const heard = collect(dialled.stream);
      dialled.stream.end(QUESTION);
      return { dialled, heard: await heard };
    },
    [Symbol.asyncDispose]: async () => {
      for (const { stream } of accepted) stream.destroy();
      await relay[Symbol.asyncDispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

/** All that the dialling end of an untroubled talk sends. */
async function recordTalk(level: LevelUnderTest): Promise<Buffer> {
  await using scene = await openScene(level);
  assert.ok((await scene.talk()).heard.equals(QUESTION));
  return scene.said();
}

/** What came until the stream ended or broke. */
async function collect(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  await endOf(stream);
  stream.destroy();
  return Buffer.concat(parts);
}

/** How a stream ends: "end", the code of its error, or "close". */
function endOf(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    stream.once("end", () => resolve("end"));
    stream.once("error", (error) => resolve(isTautlineError(error) ? error.code : error.name));
    stream.once("close", () => resolve("close"));
  });
}

async function settle<Value>(work: Promise<Value>): Promise<Value | Error> {
  try {
    return await work;
  } catch (error) {
    return error as Error;
  }
}

async function connectTo(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" }).on("error", () => {});
  await once(socket, "connect");
  return socket;
}

function flipped(bytes: Buffer, bit: number): Buffer {
  if (bit < 0 || bit >= 8 * bytes.length) return bytes;
  const changed = Buffer.from(bytes);
  const at = Math.floor(bit / 8);
  changed.writeUInt8(changed.readUInt8(at) ^ (1 << (bit % 8)), at);
  return changed;
}
