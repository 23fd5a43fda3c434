import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { verifyChain } from "./chain.ts";
import { issueCrl } from "./crl.ts";
import { readCrl } from "./crl-reader.ts";
import { createCsr } from "./csr.ts";
import { readCsr } from "./csr-reader.ts";
import {
  AGENT_ID,
  agentProfile,
  centralProfile,
  createFleet,
  hoursLater,
  issueLeaf,
} from "./fixture-fleet.test.ts";
import { createKeyPair, importPrivateKey, importPublicKey } from "./keys.ts";
import { certificatesFromPem, decodePemBlock, encodePemBlock, splitPem } from "./pem.ts";

const { root, agents, services } = createFleet();
const leaf = issueLeaf(agents, agentProfile("agent-client"));
const central = issueLeaf(services, centralProfile());
const csr = decodePemBlock(createCsr(createKeyPair("p256").privateKey, AGENT_ID));
const crl = issueCrl({
  issuer: agents,
  revoked: [{ serial: "0102", at: hoursLater(0) }],
  thisUpdate: hoursLater(0),
  nextUpdate: hoursLater(1),
  number: 1,
});

/** Runs a parser: whatever it reads, it gives a value or an error of ours. */
function givesValueOrOurError<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return undefined;
  }
}

/** Bytes near a real value: some bytes changed, a stretch cut out, a stretch put in. */
function bent(real: Buffer): fc.Arbitrary<Buffer> {
  const at = fc.nat(real.length - 1);
  const changes = fc.array(fc.tuple(at, fc.nat(255)), { maxLength: 4 });
  const stretch = fc.uint8Array({ maxLength: 6 });
  return fc.tuple(changes, at, fc.nat(4), stretch).map(([bytes, where, cut, put]) => {
    const copy = Buffer.from(real);
    for (const [index, value] of bytes) copy[index] = value;
    return Buffer.concat([copy.subarray(0, where), put, copy.subarray(where + cut)]);
  });
}

function anyBytesOr(real: Buffer): fc.Arbitrary<Buffer> {
  const any = fc.uint8Array({ maxLength: 512 }).map((each) => Buffer.from(each));
  return fc.oneof({ weight: 1, arbitrary: any }, { weight: 4, arbitrary: bent(real) });
}

const lines = fc.constantFrom(
  "-----BEGIN CERTIFICATE-----",
  "-----END CERTIFICATE-----",
  "-----BEGIN PRIVATE KEY-----",
  "-----END PRIVATE KEY-----",
  "-----BEGIN X509 CRL-----",
  "-----END X509 CRL-----",
  "MIIB",
  "AA==",
  "",
);
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.array(fc.oneof(lines, fc.string()), { maxLength: 12 }).map((each) => each.join("\n")),
);

test("any text as PEM gives a value or an error of ours", () => {
  const parsers = [
    splitPem,
    certificatesFromPem,
    importPrivateKey,
    importPublicKey,
    readCrl,
    (text: string) => readCsr(text, { agentId: AGENT_ID }),
  ];
  fc.assert(
    fc.property(anyText, (text) => {
      for (const parse of parsers) givesValueOrOurError(() => parse(text));
    }),
    { numRuns: 500 },
  );
});

test("PEM blocks of any bytes are split as they were joined", () => {
  const block = fc.tuple(fc.constantFrom("CERTIFICATE", "X"), fc.uint8Array({ minLength: 1 }));
  fc.assert(
    fc.property(fc.array(block, { maxLength: 8 }), (blocks) => {
      const texts = blocks.map(([label, bytes]) => encodePemBlock(label, bytes));
      assert.deepEqual(splitPem(texts.join("comment\n")), texts);
    }),
  );
});

test("A12: any bytes as a request give a refusal of ours; only the real one is read", () => {
  fc.assert(
    fc.property(anyBytesOr(csr), (der) => {
      const pem = encodePemBlock("CERTIFICATE REQUEST", der);
      const key = givesValueOrOurError(() => readCsr(pem, { agentId: AGENT_ID }));
      assert.equal(key !== undefined, der.equals(csr));
    }),
    { numRuns: 1000 },
  );
});

test("any bytes as a revocation list give a list or an error of ours; only the real one is verified", () => {
  fc.assert(
    fc.property(anyBytesOr(crl), (der) => {
      const verified = givesValueOrOurError(() => {
        readCrl(der).verify(agents.certificate, hoursLater(0.5));
        return true;
      });
      assert.equal(verified === true, der.equals(crl));
    }),
    { numRuns: 1000 },
  );
});

for (const [what, real] of [
  ["leaf", leaf],
  ["leaf with hosts and addresses", central],
  ["authority", agents.certificate],
] as const) {
  test(`any bytes as a certificate (${what}) give a verdict; an altered one is never accepted`, () => {
    fc.assert(
      fc.property(anyBytesOr(real.raw), (der) => {
        const pem = encodePemBlock("CERTIFICATE", der);
        const [read] = givesValueOrOurError(() => certificatesFromPem(pem)) ?? [];
        if (read !== undefined) judgeAltered(read, real);
      }),
      { numRuns: 500 },
    );
  });
}

/** As leaf and as intermediate: no exception, and accepted only where the signed bytes are the real ones. */
function judgeAltered(read: X509Certificate, real: X509Certificate): void {
  const question = { roots: [root.certificate], at: hoursLater(1) } as const;
  const intermediates = [agents.certificate, services.certificate];
  for (const purpose of ["client", "server"] as const) {
    const asLeaf = verifyChain({ ...question, leaf: read, intermediates, purpose });
    if (asLeaf.ok) assert.deepEqual(read.raw, real.raw);
    const asIssuer = verifyChain({ ...question, leaf, intermediates: [read], purpose });
    if (asIssuer.ok) assert.deepEqual(read.raw, agents.certificate.raw);
  }
}
