import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { isTautlineError } from "@tautline/protocol";
import { HANDSHAKE_MESSAGE_BYTES, initiate, type NoiseKeys, respond } from "./nnpsk0.ts";
import { createEphemeralKey, importEphemeralKey } from "./x25519.ts";

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_psks: readonly string[];
  readonly init_ephemeral: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const { vectors } = JSON.parse(
  readFileSync(new URL("../../test/nnpsk0-vectors.json", import.meta.url), "utf8"),
) as { readonly vectors: readonly Vector[] };

const bytes = (hex: string | undefined): Buffer => Buffer.from(hex ?? "", "hex");
const hexOf = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString("hex");

for (const vector of vectors) {
  it(`the public vector of ${vector.protocol_name} comes out to the byte`, () => {
    const shared = { prologue: bytes(vector.init_prologue), psk: bytes(vector.init_psks[0]) };
    const [first, second, ...transport] = vector.messages;
    const dialling = initiate(
      { ...shared, ephemeral: importEphemeralKey(bytes(vector.init_ephemeral)) },
      bytes(first?.payload),
    );
    assert.equal(dialling.message.toString("hex"), first?.ciphertext);
    const answered = respond(
      { ...shared, ephemeral: importEphemeralKey(bytes(vector.resp_ephemeral)) },
      dialling.message,
      bytes(second?.payload),
    );
    assert.equal(answered.payload.toString("hex"), first?.payload);
    assert.equal(answered.message.toString("hex"), second?.ciphertext);
    const { keys, payload } = dialling.finish(answered.message);
    assert.equal(payload.toString("hex"), second?.payload);
    assert.equal(keys.handshakeHash.toString("hex"), vector.handshake_hash);
    assert.ok(keys.handshakeHash.equals(answered.keys.handshakeHash));
    for (const [index, { payload: plain, ciphertext }] of transport.entries()) {
      const [from, to] = index % 2 === 0 ? [keys, answered.keys] : [answered.keys, keys];
      assert.equal(hexOf(from.sending.seal(bytes(plain))), ciphertext);
      assert.equal(to.receiving.open(bytes(ciphertext)).toString("hex"), plain);
    }
  });
}

const psk = Buffer.alloc(32, 7);
const prologue = Buffer.from("what both ends saw");

function shake(): readonly [NoiseKeys, NoiseKeys] {
  const dialling = initiate({ prologue, psk });
  const answered = respond({ prologue, psk }, dialling.message);
  return [dialling.finish(answered.message).keys, answered.keys];
}

const isRefusal = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "link.noise_refused";

describe("a handshake is refused", () => {
  const cases: [string, () => unknown][] = [
    [
      "to a caller with another key, before a byte is answered",
      () => respond({ prologue, psk }, initiate({ prologue, psk: Buffer.alloc(32, 8) }).message),
    ],
    [
      "to a caller that saw another prologue (a preface changed on the way)",
      () => respond({ prologue, psk }, initiate({ prologue: Buffer.from("other"), psk }).message),
    ],
    [
      "where the first message comes back as the answer (reflection, A23)",
      () => {
        const dialling = initiate({ prologue, psk });
        dialling.finish(dialling.message);
      },
    ],
    [
      "where an answer to another caller is replayed",
      () => {
        const other = respond({ prologue, psk }, initiate({ prologue, psk }).message);
        initiate({ prologue, psk }).finish(other.message);
      },
    ],
    [
      "where the answer's key is a point of small order",
      () =>
        initiate({ prologue, psk }).finish(
          Buffer.concat([Buffer.alloc(32), randomBytes(HANDSHAKE_MESSAGE_BYTES - 32)]),
        ),
    ],
    [
      "one byte short",
      () => respond({ prologue, psk }, initiate({ prologue, psk }).message.subarray(1)),
    ],
    [
      "one byte longer than any Noise message",
      () => respond({ prologue, psk }, Buffer.alloc(65_536)),
    ],
  ];
  for (const [name, attempt] of cases) {
    it(name, () => assert.throws(attempt, isRefusal));
  }

  it("at every single bit that differs, in either message", () => {
    const ephemeral = createEphemeralKey();
    const shared = { prologue, psk };
    const dialling = initiate({ ...shared, ephemeral });
    const { message } = respond(shared, dialling.message);
    const finish = (answer: Buffer): unknown => initiate({ ...shared, ephemeral }).finish(answer);
    assert.doesNotThrow(() => finish(message));
    for (let bit = 0; bit < 8 * HANDSHAKE_MESSAGE_BYTES; bit += 1) {
      assert.throws(() => respond(shared, flipped(dialling.message, bit)), isRefusal);
      assert.throws(() => finish(flipped(message, bit)), isRefusal);
    }
  });
});

function flipped(message: Buffer, bit: number): Buffer {
  const changed = Buffer.from(message);
  const at = bit >> 3;
  changed.writeUInt8(changed.readUInt8(at) ^ (1 << (bit & 7)), at);
  return changed;
}

describe("transport messages", () => {
  it("of any length and content arrive as they were, in both directions", () => {
    const [dialler, listener] = shake();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.boolean(), (plain, isUp) => {
        const [from, to] = isUp ? [dialler, listener] : [listener, dialler];
        const sealed = Buffer.concat(from.sending.seal(plain));
        assert.deepEqual(new Uint8Array(to.receiving.open(sealed)), plain);
      }),
    );
  });

  it("are refused twice, out of order, and from the other direction", () => {
    const [dialler, listener] = shake();
    const [first, second] = ["a", "b"].map((text) =>
      Buffer.concat(dialler.sending.seal(Buffer.from(text))),
    );
    assert.ok(first !== undefined && second !== undefined);
    assert.throws(() => listener.receiving.open(second), isRefusal);
    assert.equal(listener.receiving.open(first).toString(), "a");
    assert.throws(() => listener.receiving.open(first), isRefusal);
    assert.throws(() => dialler.receiving.open(second), isRefusal);
    assert.equal(listener.receiving.open(second).toString(), "b");
  });

  it("are opened after a rekey at both ends only, and the old key opens none of them", () => {
    const [dialler, listener] = shake();
    dialler.sending.rekey();
    const sealed = Buffer.concat(dialler.sending.seal(Buffer.from("new")));
    assert.throws(() => listener.receiving.open(sealed), isRefusal);
    listener.receiving.rekey();
    assert.equal(listener.receiving.open(sealed).toString(), "new");
  });

  it("any bytes at all are refused and change nothing", () => {
    const [dialler, listener] = shake();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        assert.throws(() => listener.receiving.open(noise), isRefusal);
      }),
    );
    const sealed = Buffer.concat(dialler.sending.seal(Buffer.from("still")));
    assert.equal(listener.receiving.open(sealed).toString(), "still");
  });
});

it("any bytes at all as a first message are refused, and throw nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      assert.throws(() => respond({ prologue, psk }, noise), isRefusal);
    }),
  );
});
