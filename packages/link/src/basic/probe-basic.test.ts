import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { testNow } from "../../test/fleet-authority.ts";
import { openSocketPair } from "@tautline/testing";
import { acceptBasic } from "./accept-basic.ts";
import { encodeBasicRefusal } from "./basic-refusal.ts";
import { type BasicProbe, probeBasic } from "./probe-basic.ts";

/** Longer than any test lasts, where the other end acts at once. */
const NEVER_MS = 60_000;

async function probe(
  other: (accepted: Socket) => void,
  patienceMs: number,
  timeoutMs = NEVER_MS,
): Promise<BasicProbe> {
  await using pair = await openSocketPair();
  pair.accepted.on("error", () => {});
  other(pair.accepted);
  return await probeBasic(pair.dialled, { patienceMs, timeoutMs });
}

const refusal = { code: "policy.level_refused", text: "Not here.", remedy: "Use mtls." };

describe("probeBasic", () => {
  it("an end with the level is found by its silence, and has given away nothing", async () => {
    const keys = [{ name: "legacy", version: 1, psk: Buffer.alloc(32, 1) }];
    const failures: unknown[] = [];
    const found = await probe((socket) => {
      const options = { address: "caller", timeoutMs: NEVER_MS, now: testNow };
      acceptBasic(socket, { ...options, findKeys: () => keys }).catch((error: unknown) =>
        failures.push((error as { readonly code?: string }).code),
      );
    }, 1);
    assert.deepEqual(found, { kind: "there" });
    assert.deepEqual(failures, ["link.key_unproven"]);
  });

  it("an end that refuses the level is quoted, also byte by byte", async () => {
    const whole = await probe((socket) => void socket.end(encodeBasicRefusal(refusal)), NEVER_MS);
    assert.deepEqual(whole, { kind: "refused", refusal });
    const split = await probe((socket) => {
      const bytes = encodeBasicRefusal(refusal);
      socket.setNoDelay(true);
      socket.write(bytes.subarray(0, 3));
      setImmediate(() => socket.end(bytes.subarray(3)));
    }, NEVER_MS);
    assert.deepEqual(split, { kind: "refused", refusal });
  });

  it("an end that does not know the preface closes at once, cuts, or says something else", async () => {
    const closed = await probe((socket) => void socket.end(), NEVER_MS);
    assert.deepEqual(closed, { kind: "unknown-to-it", how: "closed" });
    const cut = await probe((socket) => void socket.resetAndDestroy(), NEVER_MS);
    assert.deepEqual(cut, { kind: "unknown-to-it", how: "closed" });
    const other = await probe((socket) => void socket.end("HTTP/1.1 400 Bad Request"), NEVER_MS);
    assert.deepEqual(other, { kind: "unknown-to-it", how: "answered" });
  });

  it("an end that says nothing at all is given up", async () => {
    assert.deepEqual(await probe(() => {}, 1, 1), { kind: "silence" });
  });
});
