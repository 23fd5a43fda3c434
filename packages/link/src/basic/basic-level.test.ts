import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { describe, it } from "node:test";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import { testNow } from "../../test/fleet-authority.ts";
import { openSocketPair } from "@tautline/testing";
import { acceptBasic, type AcceptBasicOptions, type CandidateKey } from "./accept-basic.ts";
import { encodeBasicRefusal } from "./basic-refusal.ts";
import { dialBasic, type DialBasicOptions } from "./dial-basic.ts";
import { encodePreface, MAX_PREFACE_BYTES } from "./preface.ts";

const TIMEOUT_MS = 10_000;
const psk = Buffer.alloc(32, 1);
const next = Buffer.alloc(32, 2);
const current: CandidateKey = { name: "legacy", version: 1, psk };

const dialling = (change: Partial<DialBasicOptions> = {}): DialBasicOptions => ({
  key: { name: "legacy" },
  psk,
  isBound: false,
  address: "central.test:9150",
  timeoutMs: TIMEOUT_MS,
  now: testNow,
  ...change,
});

const accepting = (
  keys: readonly CandidateKey[],
  change: Partial<AcceptBasicOptions> = {},
): AcceptBasicOptions => ({
  findKeys: ({ name }) => keys.filter((key) => key.name === name),
  address: "192.0.2.1:4000",
  timeoutMs: TIMEOUT_MS,
  now: testNow,
  ...change,
});

const codeOf = (error: unknown): string => (isTautlineError(error) ? error.code : String(error));

async function failure(attempt: Promise<unknown>): Promise<TautlineError> {
  const error: unknown = await attempt.then(
    () => "it did not fail",
    (reason: unknown) => reason,
  );
  assert.ok(isTautlineError(error), String(error));
  return error;
}

/** All that comes in one direction; the other one stays open, as it would not after iterating over the stream. */
async function readAll(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  await once(stream, "end");
  return Buffer.concat(parts);
}

/** All that an end got until it was closed. */
function everything(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part)).on("error", () => {});
  return new Promise((resolve) => {
    socket.once("close", () => resolve(Buffer.concat(parts)));
    socket.once("end", () => socket.end());
  });
}

describe("two ends with the same key", () => {
  it("are secured at the level basic, and say so at both ends", async () => {
    await using pair = await openSocketPair();
    const [dialled, accepted] = await Promise.all([
      dialBasic(pair.dialled, dialling()),
      acceptBasic(pair.accepted, accepting([current])),
    ]);
    assert.deepEqual(accepted.evidence, {
      level: "basic",
      protocol: "Noise_NNpsk0_25519_AESGCM_SHA256",
      cipher: "AES-256-GCM",
      group: "X25519",
      pq: false,
      serverProven: false,
      clientProven: false,
      forwardSecret: true,
      peerId: null,
      peerSerial: null,
      keyId: "legacy#1",
      since: "2026-11-22T12:00:00.000Z",
    });
    assert.equal(dialled.evidence.level, "basic");
    assert.equal(dialled.evidence.keyId, "legacy");
  });

  it("have proven who they are only where the key was given to one agent alone (OVP-4)", async () => {
    await using pair = await openSocketPair();
    const bound = { ...current, agentId: "an agent" };
    const [dialled, { evidence }] = await Promise.all([
      dialBasic(pair.dialled, dialling({ isBound: true })),
      acceptBasic(pair.accepted, accepting([bound])),
    ]);
    assert.deepEqual([evidence.clientProven, evidence.serverProven], [true, true]);
    assert.equal(dialled.evidence.serverProven, true);
  });

  for (const [which, used] of [
    ["current", psk],
    ["next", next],
  ] as const) {
    it(`meet under rotation by the ${which} key, and central knows which (OVP-3)`, async () => {
      await using pair = await openSocketPair();
      const keys = [current, { name: "legacy", version: 2, psk: next }];
      const [, accepted] = await Promise.all([
        dialBasic(pair.dialled, dialling({ psk: used })),
        acceptBasic(pair.accepted, accepting(keys)),
      ]);
      assert.equal(accepted.evidence.keyId, `legacy#${which === "current" ? 1 : 2}`);
    });
  }

  it("carry what either says, of any length, and each end of the two directions by itself", async () => {
    await using pair = await openSocketPair();
    const [dialled, accepted] = await Promise.all([
      dialBasic(pair.dialled, dialling()),
      acceptBasic(pair.accepted, accepting([current])),
    ]);
    const up = Buffer.alloc(300_001, "up");
    const down = Buffer.alloc(70_000, "down");
    dialled.stream.end(up);
    assert.ok((await readAll(accepted.stream)).equals(up));
    accepted.stream.end(down);
    assert.ok((await readAll(dialled.stream)).equals(down));
  });

  it("understand each other when every byte comes by itself", async () => {
    await using near = await openSocketPair();
    await using far = await openSocketPair();
    dribble(near.accepted, far.dialled);
    dribble(far.dialled, near.accepted);
    const [dialled, accepted] = await Promise.all([
      dialBasic(near.dialled, dialling()),
      acceptBasic(far.accepted, accepting([current])),
    ]);
    dialled.stream.end("one by one");
    assert.equal((await readAll(accepted.stream)).toString(), "one by one");
  });
});

function dribble(from: Socket, to: Socket): void {
  from.on("data", (chunk: Buffer) => {
    for (const byte of chunk) to.write(Buffer.of(byte));
  });
  from.on("end", () => to.end());
}

describe("a caller without the key", () => {
  const attempts: [string, Partial<DialBasicOptions>][] = [
    ["whose key is wrong", { psk: Buffer.alloc(32, 9) }],
    ["whose key is not known here", { key: { name: "stranger" }, psk: Buffer.alloc(32, 9) }],
  ];
  for (const [who, change] of attempts) {
    it(`${who} gets not one byte and is closed; both ends know why`, async () => {
      await using pair = await openSocketPair();
      const counted = countBytes(pair.dialled);
      const [dialler, listener] = await Promise.all([
        failure(dialBasic(pair.dialled, dialling(change))),
        failure(acceptBasic(pair.accepted, accepting([current]))),
      ]);
      assert.deepEqual([dialler.code, listener.code], ["link.key_unproven", "link.key_unproven"]);
      assert.equal(counted(), 0);
    });
  }

  it("costs the same work whether its key is unknown or wrong", async () => {
    const tries: number[] = [];
    for (const [, change] of attempts) {
      await using pair = await openSocketPair();
      let asked = 0;
      const options = accepting([], {
        findKeys: ({ name }) => {
          asked += 1;
          return name === "legacy" ? [current] : [];
        },
      });
      await Promise.all([
        failure(dialBasic(pair.dialled, dialling(change))),
        failure(acceptBasic(pair.accepted, options)),
      ]);
      tries.push(asked);
    }
    assert.deepEqual(tries, [1, 1]);
  });

  it("that repeats somebody's first message gets an answer it cannot read, and no stream (F16)", async () => {
    const recorded = await recordFirstBytes();
    await using pair = await openSocketPair();
    pair.dialled.write(recorded);
    const { stream } = await acceptBasic(pair.accepted, accepting([current]));
    const ended = once(stream, "error") as Promise<[unknown]>;
    stream.resume();
    // A replayed transport message belongs to the old connection's keys.
    pair.dialled.write(Buffer.concat([Buffer.from([0, 20]), Buffer.alloc(20, 5)]));
    assert.equal(codeOf((await ended)[0]), "link.noise_refused");
  });
});

function countBytes(socket: Socket): () => number {
  return () => socket.bytesRead;
}

async function recordFirstBytes(): Promise<Buffer> {
  await using pair = await openSocketPair();
  const seen = once(pair.accepted, "data") as Promise<[Buffer]>;
  const attempt = failure(dialBasic(pair.dialled, dialling()));
  const [bytes] = await seen;
  pair.accepted.destroy();
  await attempt;
  return bytes;
}

describe("a listener", () => {
  const openings: [string, Buffer, string][] = [
    ["bytes of no preface", Buffer.from("GET / HTTP/1.1\r\n"), "link.preface_malformed"],
    [
      "a first message of another length",
      Buffer.concat([encodePreface({ key: { name: "legacy" } }), Buffer.from([0xff, 0xff])]),
      "link.preface_malformed",
    ],
    [
      "a preface of another version",
      Buffer.from([0xf4, 0x54, 0x4c, 2, 1, 1, 0x61]),
      "link.preface_malformed",
    ],
  ];
  for (const [what, bytes, code] of openings) {
    it(`that is sent ${what} closes without a word: ${code}`, async () => {
      await using pair = await openSocketPair();
      const got = everything(pair.dialled);
      pair.dialled.write(bytes);
      const error = await failure(acceptBasic(pair.accepted, accepting([current])));
      assert.equal(error.code, code);
      assert.equal((await got).length, 0);
    });
  }

  it("that hears nothing gives up at its limit", async () => {
    await using pair = await openSocketPair();
    const options = accepting([current], { timeoutMs: 1 });
    assert.equal((await failure(acceptBasic(pair.accepted, options))).code, "link.timeout");
  });

  it("whose caller hangs up in the middle of its preface forgets it", async () => {
    await using pair = await openSocketPair();
    pair.dialled.end(encodePreface({ key: { name: "legacy" } }).subarray(0, 4));
    const error = await failure(acceptBasic(pair.accepted, accepting([current])));
    assert.equal(error.code, "link.handshake_cut");
    assert.ok(pair.accepted.destroyed);
  });

  it("holds at most a preface and a first message of a caller", () => {
    assert.equal(MAX_PREFACE_BYTES, 77);
  });
});

describe("a dialler", () => {
  it("that is refused in its own language tells the reason and goes no lower", async () => {
    await using pair = await openSocketPair();
    const refusal = {
      code: "policy.level_refused",
      text: "This port accepts tls, mtls.",
      remedy: "Set the agent's level to mtls.",
    };
    pair.accepted.end(encodeBasicRefusal(refusal));
    const error = await failure(dialBasic(pair.dialled, dialling()));
    assert.equal(error.code, "link.level_refused");
    assert.match(error.message, /accepts tls, mtls/);
    assert.equal(error.remedy, refusal.remedy);
  });

  it("that gets something else for an answer refuses it", async () => {
    await using pair = await openSocketPair();
    pair.accepted.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    assert.equal((await failure(dialBasic(pair.dialled, dialling()))).code, "link.noise_refused");
  });

  it("whose own message comes back as the answer refuses it (reflection, A23)", async () => {
    await using pair = await openSocketPair();
    pair.accepted.on("data", (bytes: Buffer) => {
      pair.accepted.write(bytes.subarray(encodePreface({ key: { name: "legacy" } }).length));
    });
    assert.equal((await failure(dialBasic(pair.dialled, dialling()))).code, "link.noise_refused");
  });

  it("stops when it is told to", async () => {
    await using pair = await openSocketPair();
    const stop = new AbortController();
    const attempt = failure(dialBasic(pair.dialled, dialling({ signal: stop.signal })));
    stop.abort();
    assert.equal((await attempt).code, "link.cancelled");
  });
});
