import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  decodeFileCertificateAnswer,
  decodeFileCertificateRequest,
  encodeFileCertificateAnswer,
  encodeFileCertificateRequest,
  type FileCertificateAnswer,
  type FileCertificateRequest,
} from "./file-certificate-messages.ts";
import {
  FileCertificateAnswerSchema,
  FileCertificateRequestSchema,
} from "./gen/tautline/v1/certificates_pb.ts";
import { LIMITS } from "./limits.ts";

const PEM = "-----BEGIN X-----\nAAAA\n-----END X-----\n";
const REQUEST: FileCertificateRequest = {
  label: "web",
  names: ["db.example.org", "10.0.0.5"],
  use: "server",
  csrPem: PEM,
};
const ISSUED: FileCertificateAnswer = { label: "web", chainPem: PEM, code: "", text: "" };
const REFUSED: FileCertificateAnswer = {
  label: "web",
  chainPem: "",
  code: "certificate.name_not_allowed",
  text: "No.",
};
const refusal = { code: "certificate.message_malformed" };

test("a request and both answers come back as they were", () => {
  for (const use of ["server", "client", "both"] as const) {
    const request = { ...REQUEST, use };
    assert.deepEqual(decodeFileCertificateRequest(encodeFileCertificateRequest(request)), request);
  }
  for (const answer of [ISSUED, REFUSED]) {
    assert.deepEqual(decodeFileCertificateAnswer(encodeFileCertificateAnswer(answer)), answer);
  }
});

const BAD_REQUESTS: readonly [string, object][] = [
  ["no label", { label: "" }],
  ["a label with a path", { label: "../web" }],
  ["no name", { names: [] }],
  ["a name twice", { names: ["a", "a"] }],
  ["a SPIFFE ID for a name", { names: ["spiffe://fleet.example.org/central"] }],
  ["a name in upper case", { names: ["DB.example.org"] }],
  ["another use", { use: "authority" }],
  ["no certificate request", { csrPem: "" }],
  ["a certificate request too long", { csrPem: "a".repeat(LIMITS.csrBytes.value + 1) }],
  ["a certificate request with a NUL", { csrPem: `${PEM}\0` }],
];

for (const [what, part] of BAD_REQUESTS) {
  test(`a request with ${what} is refused, both ways`, () => {
    const request = { ...REQUEST, names: [...REQUEST.names], ...part };
    assert.throws(() => encodeFileCertificateRequest(request), refusal);
    const bytes = toBinary(
      FileCertificateRequestSchema,
      create(FileCertificateRequestSchema, request),
    );
    assert.throws(() => decodeFileCertificateRequest(bytes), refusal);
  });
}

const BAD_ANSWERS: readonly [string, Partial<FileCertificateAnswer>][] = [
  ["both a chain and a refusal", { code: "a.b" }],
  ["neither of them", { chainPem: "" }],
  ["a code that is none", { chainPem: "", code: "rm -rf" }],
  ["a label that is none", { label: "a b" }],
  ["a chain too long", { chainPem: "a".repeat(LIMITS.pemBytes.value + 1) }],
];

for (const [what, part] of BAD_ANSWERS) {
  test(`an answer with ${what} is refused, both ways`, () => {
    const answer = { ...ISSUED, ...part };
    assert.throws(() => encodeFileCertificateAnswer(answer), refusal);
    const bytes = toBinary(
      FileCertificateAnswerSchema,
      create(FileCertificateAnswerSchema, answer),
    );
    assert.throws(() => decodeFileCertificateAnswer(bytes), refusal);
  });
}

test("an answer's text is bounded, and can move no cursor", () => {
  const bytes = encodeFileCertificateAnswer({ ...REFUSED, text: `\u001B[2J${"a".repeat(2_000)}` });
  const { text } = decodeFileCertificateAnswer(bytes);
  assert.equal(text.length, 1_000);
  assert.ok(!text.includes("\u001B"));
});
