import assert from "node:assert/strict";
import { test } from "node:test";
import { includesUse, parseCertifiedName, readCertifiedName } from "./certified-name.ts";

const LABEL = "a".repeat(63);

const READ: readonly [text: string, kind: string | undefined][] = [
  ["db.example.org", "dns"],
  ["localhost", "dns"],
  ["3com.example", "dns"],
  [`${LABEL}.org`, "dns"],
  ["*.example.org", "wildcard"],
  ["10.0.0.5", "ip"],
  ["2001:db8::5", "ip"],
  ["::", "ip"],
  ["::1", "ip"],
  ["1::", "ip"],
  ["1:0:0:2::3", "ip"],
  ["", undefined],
  [".", undefined],
  ["example.org.", undefined],
  ["Example.org", undefined],
  ["-a.org", undefined],
  ["a-.org", undefined],
  ["a_b.org", undefined],
  ["a..org", undefined],
  ["1.2.3", undefined],
  ["256.0.0.1", undefined],
  ["01.0.0.1", undefined],
  ["10.0.0.5.", undefined],
  ["*.org", undefined],
  ["*.10.0.0.5", undefined],
  ["a*.example.org", undefined],
  ["::1:", undefined],
  [":::", undefined],
  ["1::2::3", undefined],
  ["::ffff:1.2.3.4", undefined],
  ["2001:DB8::5", undefined],
  ["0:0:0:0:0:0:0:1", undefined],
  ["fe80::1%eth0", undefined],
  [`${LABEL}a.org`, undefined],
  [`${`${LABEL}.`.repeat(4)}org`, undefined],
];

for (const [text, kind] of READ) {
  test(`'${text.slice(0, 40)}' is read as ${kind ?? "no name for a certificate"}`, () => {
    assert.equal(readCertifiedName(text)?.kind, kind);
    if (kind === undefined) {
      assert.throws(() => parseCertifiedName(text), { code: "value.certified_name" });
    } else assert.deepEqual(parseCertifiedName(text), { kind, text });
  });
}

test("what is allowed for both uses is allowed for each, and nothing else is", () => {
  const uses = ["server", "client", "both"] as const;
  const pairs = uses.flatMap((allowed) =>
    uses.filter((asked) => includesUse(allowed, asked)).map((asked) => `${allowed} ${asked}`),
  );
  assert.deepEqual(pairs, [
    "server server",
    "client client",
    "both server",
    "both client",
    "both both",
  ]);
});
