import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { GENESIS, chainHash, verifyHashChain, type ChainedEntry } from "./hash-chain.ts";

function chainOf(bodies: readonly string[]): ChainedEntry[] {
  let previous = GENESIS;
  return bodies.map((body) => {
    const hash = chainHash(previous, body);
    const entry = { previous, hash, body };
    previous = hash;
    return entry;
  });
}

test("the hash of the first entry is fixed, so logs of older versions stay verifiable", () => {
  // printf 'tautline/hash-chain/v1\0%s' "64:$(printf '0%.0s' $(seq 64))first" | sha256sum
  assert.equal(
    chainHash(GENESIS, "first"),
    "57352ccc90765d81af0ccde1e9f50becc6004f5eb061747517890ad828458116",
  );
});

test("an empty log is whole and its head is the genesis", () => {
  assert.deepEqual(verifyHashChain([]), { ok: true, count: 0, head: GENESIS });
});

test("an untouched log is whole, and the head is its last hash", () => {
  const entries = chainOf(["a", "b", "c"]);
  assert.deepEqual(verifyHashChain(entries), { ok: true, count: 3, head: entries[2]?.hash });
});

test("a change of any entry is found where it was made", () => {
  const bodies = ["a", "b", "c", "d"];
  for (const [at] of bodies.entries()) {
    const entries = chainOf(bodies);
    const { previous, hash, body } = entries[at] ?? assert.fail();
    entries[at] = { previous, hash, body: `${body}!` };
    assert.deepEqual(verifyHashChain(entries), {
      ok: false,
      at,
      reason: "its content is not what was hashed",
    });
  }
});

test("an entry changed together with its hash is found at the entry after it", () => {
  const entries = chainOf(["a", "b", "c"]);
  const [first, second, third] = entries;
  assert.ok(first && second && third);
  const forged = { ...second, body: "x", hash: chainHash(second.previous, "x") };
  const verdict = verifyHashChain([first, forged, third]);
  assert.deepEqual(verdict, {
    ok: false,
    at: 2,
    reason: "it does not follow the entry before it",
  });
});

test("removing, repeating, adding or exchanging entries breaks any chain", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 20 }),
      fc.nat(),
      fc.constantFrom("remove", "repeat", "exchange", "prepend"),
      (bodies, seed, attack) => {
        const entries = chainOf(bodies);
        const at = seed % (entries.length - 1);
        const [one, other] = [entries[at], entries[at + 1]];
        assert.ok(one && other);
        const attacked = {
          remove: entries.toSpliced(at, 1),
          repeat: entries.toSpliced(at, 0, one),
          exchange: entries.toSpliced(at, 2, other, one),
          prepend: [{ previous: GENESIS, hash: chainHash(GENESIS, "x"), body: "x" }, ...entries],
        };
        assert.equal(verifyHashChain(attacked[attack]).ok, false);
      },
    ),
  );
});

test("a cut end is whole by itself but has another head than the one noted", () => {
  const entries = chainOf(["a", "b", "c"]);
  const cut = verifyHashChain(entries.slice(0, 2));
  assert.ok(cut.ok);
  assert.notEqual(cut.head, entries[2]?.hash);
});

test("text moved between the previous hash and the body gives another hash", () => {
  assert.notEqual(chainHash("ab", "c"), chainHash("a", "bc"));
  assert.notEqual(chainHash("", "1:a"), chainHash("1", ":a"));
});
