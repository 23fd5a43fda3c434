import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CertificationRequestInfo } from "@peculiar/asn1-csr";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Name, SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import { LIMITS, TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { createCsr } from "./csr.ts";
import { readCsr } from "./csr-reader.ts";
import { encodeDer } from "./der.ts";
import { AGENT_ID, AGENT_SPIFFE_ID, OTHER_AGENT_ID, TRUST_DOMAIN } from "./fixture-fleet.test.ts";
import { openssl } from "./fixture-openssl.test.ts";
import { createKeyPair, encodeSpki } from "./keys.ts";
import { decodePemBlock, encodePemBlock, splitPem } from "./pem.ts";
import { encodeSigned } from "./signed-object.ts";

const { privateKey } = createKeyPair("p256");
const HONEST = createCsr(privateKey);
const HONEST_DER = decodePemBlock(HONEST);

/** The code and message of the refusal, or "accepted". */
function verdictOn(pem: string): string {
  try {
    readCsr(pem, { agentId: AGENT_ID });
    return "accepted";
  } catch (error) {
    if (!(error instanceof TautlineError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

function toCsrPem(der: Uint8Array): string {
  return encodePemBlock("CERTIFICATE REQUEST", der);
}

/** A request for any SubjectPublicKeyInfo, signed by any key. */
function forgeCsr(spki: Uint8Array, signer: KeyObject = privateKey): string {
  const info = new CertificationRequestInfo({
    subject: new Name(),
    subjectPKInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
  });
  return toCsrPem(encodeSigned(encodeDer(info), signer));
}

const PLAIN_CONFIG = "[req]\ndistinguished_name=dn\n[dn]\n";
const SAN = "subjectAltName";
const WISHES: [string, readonly string[], RegExp][] = [
  ["to be an authority", ["basicConstraints=critical,CA:TRUE"], /basicConstraints/],
  ["not to be an authority", ["basicConstraints=CA:FALSE"], /basicConstraints/],
  ["to sign certificates", ["keyUsage=keyCertSign"], /keyUsage/],
  ["to be a server", ["extendedKeyUsage=serverAuth"], /extendedKeyUsage/],
  ["for central's DNS name", [`${SAN}=DNS:central.example.org`], /subjectAltName/],
  ["for every DNS name", [`${SAN}=DNS:*.example.org`], /subjectAltName/],
  ["for an address", [`${SAN}=IP:192.0.2.1`], /subjectAltName/],
  ["for central's ID", [`${SAN}=URI:spiffe://${TRUST_DOMAIN}/central`], /subjectAltName/],
  ["for its own ID, unasked", [`${SAN}=URI:${AGENT_SPIFFE_ID}`], /subjectAltName/],
  [
    "for two IDs",
    [`${SAN}=URI:${AGENT_SPIFFE_ID},URI:${AGENT_SPIFFE_ID.replace(AGENT_ID, OTHER_AGENT_ID)}`],
    /subjectAltName/,
  ],
  ["for an extension of its own", ["1.3.6.1.4.1.99999.1=ASN1:NULL"], /1\.3\.6\.1\.4\.1\.99999\.1/],
  [
    "for two things at once",
    ["extendedKeyUsage=serverAuth", "basicConstraints=CA:TRUE"],
    /extendedKeyUsage.*basicConstraints/,
  ],
];

for (const [what, extensions, named] of WISHES) {
  test(`A12: a request ${what} is refused, and named`, async () => {
    const added = extensions.flatMap((each) => ["-addext", each]);
    const verdict = verdictOn(
      await makeByOpenssl({ options: [...added, "-subj", `/CN=${AGENT_ID}`] }),
    );
    assert.match(verdict, /^pki\.csr_not_permitted: /);
    assert.match(verdict, named);
  });
}

const SUBJECTS = [
  `/CN=${OTHER_AGENT_ID}`,
  "/CN=central.example.org",
  `/CN=${AGENT_ID.toUpperCase()}`,
  `/CN=${AGENT_ID} `,
  `/CN=${AGENT_ID}/CN=central`,
  `/CN=${AGENT_ID}+O=Operators`,
  `/O=Operators/CN=${AGENT_ID}`,
  `/O=${AGENT_ID}`,
];

for (const subject of SUBJECTS) {
  test(`A12: a request with the subject ${subject} is refused`, async () => {
    const verdict = verdictOn(await makeByOpenssl({ options: ["-subj", subject] }));
    assert.match(verdict, /^pki\.csr_not_permitted: .*subject/);
  });
}

test("A12: a request with a challenge password is refused, and the password is not repeated", async () => {
  const sections = [
    "[req]\nprompt=no\ndistinguished_name=dn\nattributes=more",
    `[dn]\nCN=${AGENT_ID}`,
  ];
  const config = [...sections, "[more]\nchallengePassword=hunter2\n"].join("\n");
  const verdict = verdictOn(await makeByOpenssl({ options: [], config }));
  assert.match(verdict, /^pki\.csr_not_permitted: .*1\.2\.840\.113549\.1\.9\.7/);
  assert.doesNotMatch(verdict, /hunter2/);
});

const WEAK_CURVES = ["secp112r1", "prime192v1", "secp224r1", "secp256k1", "brainpoolP256r1"];

for (const curve of [...WEAK_CURVES, "sect163k1"]) {
  test(`A12: a request with a key on ${curve} is refused`, async () => {
    const newKey = ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${curve}`];
    const options = [...newKey, "-nodes", "-keyout", "other.pem", "-subj", "/"];
    const pem = await makeByOpenssl({ options });
    assert.match(verdictOn(pem), /^pki\.key_not_accepted: /);
  });
}

test("A12: RSA of 1,024, 2,047 and 4,104 bits and with exponent 3 are refused", () => {
  const rsa = [
    { modulusLength: 1024 },
    { modulusLength: 2047 },
    { modulusLength: 4104 },
    { modulusLength: 2048, publicExponent: 3 },
  ];
  for (const options of rsa) {
    const keys = generateKeyPairSync("rsa", options);
    assert.match(verdictOn(createCsr(keys.privateKey)), /^pki\.key_not_accepted: .*RSA/);
  }
});

test("A12: RSA of 16,384 bits is refused for its size, before its signature is looked at", () => {
  const modulus = randomBytes(2048);
  modulus[0] = 0xff;
  modulus[2047] = 0xff;
  const jwk = { kty: "RSA", n: modulus.toString("base64url"), e: "AQAB" };
  const huge = createPublicKey({ key: jwk, format: "jwk" });
  assert.match(
    verdictOn(forgeCsr(encodeSpki(huge))),
    /^pki\.key_not_accepted: .*RSA of 16384 bits/,
  );
});

test("keys that cannot sign for TLS or have another padding are refused", () => {
  const x25519 = generateKeyPairSync("x25519").publicKey;
  const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey;
  const ed448 = generateKeyPairSync("ed448").publicKey;
  for (const key of [x25519, pss, ed448]) {
    assert.match(verdictOn(forgeCsr(encodeSpki(key))), /^pki\.key_not_accepted: /);
  }
});

test("A12: a request signed by another key than its own is refused", () => {
  const other = createKeyPair("p256").privateKey;
  const sameKind = forgeCsr(encodeSpki(createPublicKey(privateKey)), other);
  assert.match(verdictOn(sameKind), /^pki\.csr_bad_signature: /);
  const otherKind = forgeCsr(
    encodeSpki(createPublicKey(privateKey)),
    createKeyPair("ed25519").privateKey,
  );
  assert.match(verdictOn(otherKind), /^pki\.csr_bad_signature: /);
});

test("A12: a request signed with SHA-1 is refused", async () => {
  assert.match(
    verdictOn(await makeByOpenssl({ options: ["-sha1", "-subj", "/"] })),
    /^pki\.csr_bad_signature/,
  );
});

test("A17: a key in another encoding, which would have another pin, is refused", async () => {
  for (const pointForm of ["compressed", "hybrid"] as const) {
    const pem = await makeByOpenssl({ options: ["-subj", "/"], pointForm });
    assert.match(verdictOn(pem), /^pki\.csr_malformed: .*usual encoding/, pointForm);
  }
});

test("A17: a key with its curve written out is refused", async () => {
  const keyOptions = ["-pkeyopt", "ec_param_enc:explicit"];
  const verdict = verdictOn(await makeByOpenssl({ options: ["-subj", "/"], keyOptions }));
  assert.match(verdict, /^pki\.(csr_malformed|key_not_accepted): /);
});

const BENT: [string, string][] = [
  ["nothing", ""],
  ["text", "hello"],
  ["an empty block", encodePemBlock("CERTIFICATE REQUEST", Buffer.alloc(0))],
  ["bytes after the DER", toCsrPem(Buffer.concat([HONEST_DER, Buffer.alloc(1)]))],
  ["a byte too few", toCsrPem(HONEST_DER.subarray(0, -1))],
  ["text before the block", `hello\n${HONEST}`],
  ["text after the block", `${HONEST}hello\n`],
  ["two requests", HONEST + HONEST],
  ["another label", HONEST.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE")],
  ["labels that differ", HONEST.replace("END CERTIFICATE", "END NEW CERTIFICATE")],
  ["a length in long form", toCsrPem(lengthenHeader(HONEST_DER))],
  ["an indefinite length", toCsrPem(indefinite(HONEST_DER))],
  ["one character too many", HONEST + "\n".repeat(LIMITS.csrBytes.value + 1 - HONEST.length)],
];

for (const [what, pem] of BENT) {
  test(`A12: a request with ${what} is refused`, () => {
    assert.match(verdictOn(pem), /^pki\.(csr|pem)_malformed: /);
  });
}

test("a request of exactly the largest size is read", () => {
  const padded = HONEST + "\n".repeat(LIMITS.csrBytes.value - HONEST.length);
  assert.equal(verdictOn(padded), "accepted");
  assert.equal(splitPem(padded).length, 1);
});

/** The same content behind a BER header whose length has a needless octet. */
function lengthenHeader(der: Buffer): Buffer {
  const content = contentOf(der);
  return Buffer.concat([Buffer.of(0x30, 0x83, 0, content.length >> 8, content.length), content]);
}

function indefinite(der: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x30, 0x80), contentOf(der), Buffer.of(0, 0)]);
}

/** What stands behind a DER header with a short, one-octet or two-octet length. */
function contentOf(der: Buffer): Buffer {
  const first = der[1] ?? 0;
  return der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}

interface OpensslRequest {
  /** Of `openssl req`. */
  readonly options: readonly string[];
  readonly config?: string;
  /** Of `openssl genpkey`. */
  readonly keyOptions?: readonly string[];
  readonly pointForm?: "compressed" | "hybrid" | "uncompressed";
}

async function makeByOpenssl(request: OpensslRequest): Promise<string> {
  const { options, config = PLAIN_CONFIG, keyOptions = [], pointForm = "uncompressed" } = request;
  return withTempFolder((folder) => {
    writeFileSync(join(folder, "req.conf"), config);
    const curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", ...keyOptions];
    openssl(folder, ["genpkey", ...curve, "-out", "any.pem"]);
    openssl(folder, ["ec", "-in", "any.pem", "-conv_form", pointForm, "-out", "key.pem"]);
    const key = options.includes("-newkey") ? [] : ["-key", "key.pem"];
    return openssl(folder, ["req", "-new", ...key, "-config", "req.conf", ...options]);
  });
}
