import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { assert as check, property, stringMatching, uniqueArray } from "fast-check";
import { createFleet, TRUST_DOMAIN } from "./fixture-fleet.test.ts";
import { type TrustedEntry, writeJksTrustStore } from "./jks-trust-store.ts";
import { writePkcs12TrustStore } from "./pkcs12-trust-store.ts";

const { root, services } = createFleet();
const ROOT: TrustedEntry = { alias: "tautline", certificate: root.certificate };
const NEXT: TrustedEntry = { alias: "tautline-next", certificate: services.certificate };
const AT = new Date(Date.UTC(2026, 10, 28));

/** Reads what the writer wrote by the format's own description, field by field. */
function readJks(store: Buffer, password: string): TrustedEntry[] {
  let at = 0;
  const number = (octets: number): number => {
    at += octets;
    return store.readUIntBE(at - octets, octets);
  };
  const bytes = (octets: number): Buffer => {
    at += octets;
    return store.subarray(at - octets, at);
  };
  assert.deepEqual([number(4), number(4)], [0xfeedfeed, 2]);
  const entries = Array.from({ length: number(4) }, () => {
    assert.equal(number(4), 2);
    const alias = bytes(number(2)).toString("ascii");
    assert.equal(Number(bytes(8).readBigInt64BE()), AT.getTime());
    assert.equal(bytes(number(2)).toString("ascii"), "X.509");
    return { alias, certificate: new X509Certificate(bytes(number(4))) };
  });
  const password16 = Buffer.alloc(password.length * 2);
  for (const [at, octet] of Buffer.from(password, "ascii").entries())
    password16[at * 2 + 1] = octet;
  const said = createHash("sha1")
    .update(Buffer.concat([password16, Buffer.from("Mighty Aphrodite"), store.subarray(0, at)]))
    .digest();
  assert.deepEqual(bytes(20), said);
  assert.equal(at, store.length);
  return entries;
}

describe("a trust store in Java's own format", () => {
  it("holds what it was given, whatever aliases and password are", () => {
    const alias = stringMatching(/^[a-z0-9-]{1,60}$/);
    const password = stringMatching(/^[\x20-\x7e]{6,60}$/);
    const aliases = uniqueArray(alias, { minLength: 1, maxLength: 8 });
    check(
      property(aliases, password, (names, secret) => {
        const entries = names.map((name, index) => ({
          alias: name,
          certificate: (index % 2 === 0 ? root : services).certificate,
        }));
        const read = readJks(writeJksTrustStore(entries, secret, AT), secret);
        assert.deepEqual(
          read.map((each) => [each.alias, each.certificate.fingerprint256]),
          entries.map((each) => [each.alias, each.certificate.fingerprint256]),
        );
      }),
    );
  });

  it("has another checksum under another password", () => {
    const [one, other] = ["first-one", "other-one"].map((secret) =>
      writeJksTrustStore([ROOT], secret, AT),
    );
    assert.deepEqual(one?.subarray(0, -20), other?.subarray(0, -20));
    assert.notDeepEqual(one?.subarray(-20), other?.subarray(-20));
  });
});

const openssl = (store: Buffer, password: string) =>
  spawnSync("openssl", ["pkcs12", "-info", "-nokeys", "-passin", `pass:${password}`], {
    input: store,
    encoding: "utf8",
  });

describe("a trust store as PKCS#12", () => {
  it("is opened by openssl with its password, and holds both roots by their names", async () => {
    const store = await writePkcs12TrustStore([ROOT, NEXT], "a password of ours");
    const { stdout, stderr, status } = openssl(store, "a password of ours");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /MAC: sha256, Iteration 10000/);
    assert.match(stderr, /PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/);
    assert.match(stdout, /friendlyName: tautline\n/);
    assert.match(stdout, /friendlyName: tautline-next\n/);
    assert.match(stdout, /2\.16\.840\.1\.113894\.746875\.1\.1/);
    const found = stdout.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
    assert.deepEqual(
      found.map((pem) => new X509Certificate(pem).fingerprint256),
      [ROOT, NEXT].map(({ certificate }) => certificate.fingerprint256),
    );
  });

  it("is refused with another password", async () => {
    const store = await writePkcs12TrustStore([ROOT], "a password of ours");
    assert.match(openssl(store, "another password").stderr, /Mac verify error/);
    assert.ok(!store.includes(TRUST_DOMAIN), "not even the name stands there in the clear");
  });
});
