import assert from "node:assert/strict";
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { openssl } from "./fixture-openssl.test.ts";
import { readKeyFile } from "./key-file.ts";

const KINDS = {
  rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  weakRsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  p224: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"],
} as const;
type Kind = keyof typeof KINDS;

/** Every file by its name, as the openssl command wrote it. */
const files = new Map<string, Buffer>();

before(() =>
  withTempFolder((folder) => {
    const keep = (name: string): void => void files.set(name, readFileSync(join(folder, name)));
    for (const [kind, args] of Object.entries(KINDS)) {
      openssl(folder, ["genpkey", ...args, "-out", `${kind}.pkcs8.pem`]);
      const source = ["pkey", "-in", `${kind}.pkcs8.pem`];
      openssl(folder, [...source, "-traditional", "-out", `${kind}.old.pem`]);
      openssl(folder, [...source, "-outform", "DER", "-out", `${kind}.pkcs8.der`]);
      openssl(folder, [...source, "-traditional", "-outform", "DER", "-out", `${kind}.old.der`]);
      openssl(folder, [...source, "-pubout", "-out", `${kind}.public`]);
      const form = ["pkcs8.pem", "old.pem", "pkcs8.der", "old.der", "public"];
      for (const each of form) keep(`${kind}.${each}`);
    }
    const secret = ["-passout", "pass:1111"];
    const aes = ["pkey", "-in", "rsa.pkcs8.pem", "-aes256", ...secret];
    openssl(folder, [...aes, "-out", "encrypted.pkcs8.pem"]);
    openssl(folder, [...aes, "-traditional", "-out", "encrypted.old.pem"]);
    const der = ["pkcs8", "-topk8", "-in", "rsa.pkcs8.pem", "-outform", "DER", ...secret];
    openssl(folder, [...der, "-out", "encrypted.pkcs8.der"]);
    openssl(folder, [...der, "-v1", "PBE-SHA1-3DES", "-out", "encrypted.v1.der"]);
    openssl(folder, ["ecparam", "-name", "prime256v1", "-genkey", "-out", "with-parameters.pem"]);
    const all = readFileSync(join(folder, "rsa.old.pem"));
    files.set("two.pem", Buffer.concat([all, all]));
    for (const name of ["pkcs8.pem", "old.pem", "pkcs8.der", "v1.der"]) keep(`encrypted.${name}`);
    keep("with-parameters.pem");
    return Promise.resolve();
  }),
);

function file(name: string): Buffer {
  const bytes = files.get(name);
  assert.ok(bytes !== undefined, name);
  return bytes;
}

function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" });
}

const REWRITES: readonly [string, (text: string) => string][] = [
  ["as it is", (text) => text],
  ["with CRLF (the trap of SW-3)", (text) => text.replaceAll("\n", "\r\n")],
  ["with CR alone", (text) => text.replaceAll("\n", "\r")],
  ["with a byte order mark", (text) => `\u00ef\u00bb\u00bf${text}`],
  ["with text around it", (text) => `Bag Attributes\n  name: server\n${text}\nthe end\n`],
  ["without its last line break", (text) => text.trimEnd()],
];

describe("the key file of an existing PKI (SW-2, SW-3)", () => {
  for (const kind of ["rsa", "p256", "p384"] as const) {
    for (const form of ["pkcs8.pem", "old.pem", "pkcs8.der", "old.der"]) {
      it(`${kind} in ${form} is read, and gives the key that openssl made`, () => {
        const key = readKeyFile(file(`${kind}.${form}`));
        assert.equal(publicPem(key), file(`${kind}.public`).toString("latin1"));
      });
    }
    for (const [what, rewrite] of REWRITES) {
      it(`${kind} in PEM ${what} is read`, () => {
        for (const form of ["pkcs8.pem", "old.pem"]) {
          const text = rewrite(file(`${kind}.${form}`).toString("latin1"));
          const key = readKeyFile(Buffer.from(text, "latin1"));
          assert.equal(publicPem(key), file(`${kind}.public`).toString("latin1"));
        }
      });
    }
  }

  it("parameters of a curve before the key are passed over", () => {
    assert.equal(readKeyFile(file("with-parameters.pem")).asymmetricKeyType, "ec");
  });

  for (const kind of ["weakRsa", "p224"] as const satisfies readonly Kind[]) {
    it(`${kind} is refused by name in every form`, () => {
      const reason = kind === "p224" ? "the curve secp224r1" : "RSA of 1024 bits";
      for (const form of ["pkcs8.pem", "old.pem", "pkcs8.der", "old.der"]) {
        assert.throws(() => readKeyFile(file(`${kind}.${form}`)), {
          code: "pki.key_not_accepted",
          detail: { reason },
        });
      }
    });
  }

  for (const name of ["pkcs8.pem", "old.pem", "pkcs8.der", "v1.der"]) {
    it(`an encrypted key (${name}) is refused as encrypted, with the command that opens it`, () => {
      assert.throws(
        () => readKeyFile(file(`encrypted.${name}`)),
        (error) => {
          assert.ok(isTautlineError(error));
          assert.equal(error.code, "pki.key_encrypted");
          assert.match(error.remedy, /openssl pkey/);
          return true;
        },
      );
    });
  }

  const REFUSED: readonly [string, () => Buffer, string][] = [
    ["an empty file", () => Buffer.alloc(0), "pki.pem_malformed"],
    ["neither PEM nor DER", () => Buffer.from("hello"), "pki.pem_malformed"],
    ["UTF-16 text", () => Buffer.from("\ufeff-----BEGIN", "utf16le"), "pki.pem_malformed"],
    ["a public key", () => file("rsa.public"), "pki.key_malformed"],
    ["two keys", () => file("two.pem"), "pki.key_malformed"],
    ["DER cut off", () => file("rsa.old.der").subarray(0, -1), "pki.key_malformed"],
    [
      "DER with a byte more",
      () => Buffer.concat([file("rsa.old.der"), Buffer.of(0)]),
      "pki.key_malformed",
    ],
    ["PEM cut off", () => file("rsa.old.pem").subarray(0, -40), "pki.pem_malformed"],
    [
      "a label that lies about the form",
      () =>
        Buffer.from(file("rsa.old.pem").toString("latin1").replaceAll("RSA PRIVATE", "PRIVATE")),
      "pki.key_malformed",
    ],
    ["more than 256 KiB", () => Buffer.alloc(256 * 1024 + 1, 0x30), "pki.pem_malformed"],
  ];
  for (const [what, bytes, code] of REFUSED) {
    it(`${what} is refused`, () => {
      assert.throws(() => readKeyFile(bytes()), { code });
    });
  }

  it("a key that was bent gives an error of ours or a key that signs for its own public half, whatever the bytes", () => {
    const names = ["rsa.old.pem", "p256.pkcs8.der", "p256.old.pem", "encrypted.pkcs8.der"];
    const change = fc.tuple(fc.nat(5000), fc.nat(255));
    const bent = fc.record({
      name: fc.constantFrom(...names),
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
      end: fc.option(fc.nat(5000), { freq: 4 }),
    });
    fc.assert(
      fc.property(bent, ({ name, changes, end }) => {
        const bytes = Buffer.from(file(name));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        assertReadOrRefused(end === null ? bytes : bytes.subarray(0, end % bytes.length));
      }),
      { numRuns: 600 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (any) => assertReadOrRefused(any)));
  });
});

function assertReadOrRefused(bytes: Uint8Array): void {
  try {
    assert.equal(readKeyFile(bytes).type, "private");
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    assert.match(error.code, /^pki\./);
  }
}
