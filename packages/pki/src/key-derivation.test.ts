import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { describe, it } from "node:test";
import { deriveSharedKey } from "./key-derivation.ts";

const place = { namespace: "default", name: "legacy" };

describe("a shared key", () => {
  it("is scrypt of its text, salted with label, namespace and name", async () => {
    const key = await deriveSharedKey("correct horse", place);
    const salt = "tautline key 1\0default\0legacy";
    const options = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
    assert.deepEqual(key, scryptSync("correct horse", salt, 32, options));
  });

  it("is another one under another name, in another namespace, and for another text", async () => {
    const keys = await Promise.all([
      deriveSharedKey("a", place),
      deriveSharedKey("a", { ...place, name: "legacy2" }),
      deriveSharedKey("a", { ...place, namespace: "other" }),
      deriveSharedKey("A", place),
    ]);
    assert.equal(new Set(keys.map((key) => key.toString("hex"))).size, keys.length);
  });
});
