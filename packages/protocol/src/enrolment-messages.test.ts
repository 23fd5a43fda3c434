import assert from "node:assert/strict";
import { test } from "node:test";
import { toBinary, create } from "@bufbuild/protobuf";
import {
  decodeEnrolmentGrant,
  decodeEnrolmentRequest,
  decodeRenewalRequest,
  encodeEnrolmentGrant,
  encodeEnrolmentRequest,
  encodeRenewalRequest,
  type EnrolmentGrant,
  type EnrolmentRequest,
  type RenewalRequest,
} from "./enrolment-messages.ts";
import {
  EnrolmentGrantSchema,
  EnrolmentRequestSchema,
  RenewalRequestSchema,
} from "./gen/tautline/v1/enrolment_pb.ts";
import { LIMITS } from "./limits.ts";

const PEM = "-----BEGIN X-----\nAAAA\r\n-----END X-----\n";

const REQUEST: EnrolmentRequest = {
  name: "Büro 1",
  serverCsrPem: PEM,
  agentVersion: "0.1.0-rc.1+b7",
};
const GRANT: EnrolmentGrant = {
  namespace: "default",
  trustDomain: "fleet.example.org",
  serverChainPem: PEM,
  rootsPem: PEM,
  instructorKeyPem: PEM,
  signerEpoch: 1,
  addresses: ["central.example.org:9150"],
  name: "Büro 1",
  renewalCounter: 0n,
};
const RENEWAL: RenewalRequest = {
  counter: 2n ** 64n - 1n,
  serverCsrPem: PEM,
  agentVersion: "0.1.0",
};

test("an enrolment request comes back as it was", () => {
  assert.deepEqual(decodeEnrolmentRequest(encodeEnrolmentRequest(REQUEST)), REQUEST);
});

test("an enrolment grant comes back as it was", () => {
  for (const renewalCounter of [0n, 1n, 2n ** 64n - 1n]) {
    const grant = { ...GRANT, renewalCounter };
    assert.deepEqual(decodeEnrolmentGrant(encodeEnrolmentGrant(grant)), grant);
  }
});

test("a renewal request comes back as it was", () => {
  assert.deepEqual(decodeRenewalRequest(encodeRenewalRequest(RENEWAL)), RENEWAL);
});

const BAD_RENEWALS: [string, Partial<RenewalRequest>, RegExp][] = [
  ["number 0, which is the join's", { counter: 0n }, /not above 0/],
  ["no certificate request", { serverCsrPem: "" }, /PEM part is missing/],
  [
    "a certificate request of 16 KiB and one byte",
    { serverCsrPem: "a".repeat(LIMITS.csrBytes.value + 1) },
    /more than 16384 bytes/,
  ],
  ["no version", { agentVersion: "" }, /version/],
];

for (const [name, part, reason] of BAD_RENEWALS) {
  test(`a renewal request with ${name} is refused, both ways`, () => {
    const request = { ...RENEWAL, ...part };
    const refusal = { code: "enrolment.renewal_malformed", message: reason };
    assert.throws(() => encodeRenewalRequest(request), refusal);
    const bytes = toBinary(RenewalRequestSchema, create(RenewalRequestSchema, request));
    assert.throws(() => decodeRenewalRequest(bytes), refusal);
  });
}

const BAD_REQUESTS: [string, Partial<EnrolmentRequest>, RegExp][] = [
  ["no name", { name: "" }, /name/],
  ["a name over two lines", { name: "a\nb" }, /name/],
  ["a name of 129 characters", { name: "a".repeat(129) }, /name/],
  ["no certificate request", { serverCsrPem: "" }, /PEM part is missing/],
  [
    "a certificate request of 16 KiB and one byte",
    { serverCsrPem: "a".repeat(LIMITS.csrBytes.value + 1) },
    /more than 16384 bytes/,
  ],
  ["a NUL in the certificate request", { serverCsrPem: `${PEM}\0` }, /not text/],
  ["letters beyond ASCII in the certificate request", { serverCsrPem: `${PEM}é` }, /not text/],
  ["no version", { agentVersion: "" }, /version/],
  ["a version with a space", { agentVersion: "0.1 0" }, /version/],
  ["a version of 65 characters", { agentVersion: "1".repeat(65) }, /version/],
];

for (const [name, part, reason] of BAD_REQUESTS) {
  test(`an enrolment request with ${name} is refused, both ways`, () => {
    const request = { ...REQUEST, ...part };
    const refusal = { code: "enrolment.request_malformed", message: reason };
    assert.throws(() => encodeEnrolmentRequest(request), refusal);
    const bytes = toBinary(EnrolmentRequestSchema, create(EnrolmentRequestSchema, request));
    assert.throws(() => decodeEnrolmentRequest(bytes), refusal);
  });
}

const BAD_GRANTS: [string, Partial<EnrolmentGrant>, RegExp][] = [
  ["a namespace in upper case", { namespace: "Default" }, /namespace/],
  ["no trust domain", { trustDomain: "" }, /trust domain/],
  ["no name", { name: "" }, /name/],
  ["epoch 0", { signerEpoch: 0 }, /epoch/],
  ["no address", { addresses: [] }, /0 addresses/],
  ["17 addresses", { addresses: Array.from({ length: 17 }, () => "a:1") }, /17 addresses/],
  ["an address with a path", { addresses: ["a:1/.."] }, /host:port/],
  ["no chain", { serverChainPem: "" }, /missing/],
  ["no roots", { rootsPem: "" }, /missing/],
  ["no instructor key", { instructorKeyPem: "" }, /missing/],
  [
    "roots of 64 KiB and one byte",
    { rootsPem: "a".repeat(LIMITS.pemBytes.value + 1) },
    /more than 65536 bytes/,
  ],
];

for (const [name, part, reason] of BAD_GRANTS) {
  test(`an enrolment grant with ${name} is refused, both ways`, () => {
    const grant = { ...GRANT, ...part };
    const refusal = { code: "enrolment.grant_malformed", message: reason };
    assert.throws(() => encodeEnrolmentGrant(grant), refusal);
    const fields = { ...grant, addresses: [...grant.addresses] };
    const bytes = toBinary(EnrolmentGrantSchema, create(EnrolmentGrantSchema, fields));
    assert.throws(() => decodeEnrolmentGrant(bytes), refusal);
  });
}

test("the longest parts pass", () => {
  const csr = "a".repeat(LIMITS.csrBytes.value);
  const agentVersion = "1".repeat(LIMITS.agentVersionCharacters.value);
  const request = { name: "a".repeat(128), serverCsrPem: csr, agentVersion };
  assert.deepEqual(decodeEnrolmentRequest(encodeEnrolmentRequest(request)), request);
  const grant = { ...GRANT, rootsPem: "a".repeat(LIMITS.pemBytes.value) };
  assert.deepEqual(decodeEnrolmentGrant(encodeEnrolmentGrant(grant)), grant);
});

test("messages of a newer version are read without what this one does not know", () => {
  const bytes = Uint8Array.of(...encodeEnrolmentRequest(REQUEST), 0xf8, 0x07, 0x01);
  assert.deepEqual(decodeEnrolmentRequest(bytes), REQUEST);
});
