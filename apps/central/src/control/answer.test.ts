import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  agentIdToBytes,
  decodeServerToAgent,
  encodeServerToAgent,
  fromWireText,
  ServerCapabilities,
  ServerErrorResponseType,
  ServerToAgentFlags,
  TautlineError,
} from "@tautline/protocol";
import { errorAnswer, plainAnswer } from "./answer.ts";

const AGENT = "0190a000-0000-7000-8000-000000000001";
const wire = (answer: ReturnType<typeof plainAnswer>) =>
  decodeServerToAgent(encodeServerToAgent(answer), 4_096);

describe("plainAnswer", () => {
  it("is never empty: it names the agent and what central can do", () => {
    const answer = wire(plainAnswer(AGENT));
    assert.deepEqual(answer.instanceUid, agentIdToBytes(AGENT));
    assert.notEqual(answer.capabilities & BigInt(ServerCapabilities.ACCEPTS_STATUS), 0n);
    assert.equal(answer.flags, 0n);
  });

  it("claims no ability that central does not have", () => {
    const claimed = plainAnswer(AGENT).capabilities;
    for (const ability of [
      ServerCapabilities.ACCEPTS_EFFECTIVE_CONFIG,
      ServerCapabilities.OFFERS_PACKAGES,
      ServerCapabilities.ACCEPTS_PACKAGES_STATUS,
    ]) {
      assert.equal(claimed & BigInt(ability), 0n);
    }
  });

  it("asks for the full state only when told to", () => {
    assert.equal(
      wire(plainAnswer(AGENT, true)).flags,
      BigInt(ServerToAgentFlags.REPORT_FULL_STATE),
    );
  });
});

describe("errorAnswer", () => {
  it("carries code, sentence and remedy, and no field that an error excludes", () => {
    const error = new TautlineError("enrolment.token_revoked", { cause: new Error("inside") });
    const bytes = encodeServerToAgent(errorAnswer(error, AGENT));
    assert.ok(bytes.length > 0);
    assert.equal(Buffer.from(bytes).includes("inside"), false);
    const answer = decodeServerToAgent(bytes, 4_096);
    assert.deepEqual(answer.instanceUid, agentIdToBytes(AGENT));
    assert.equal(answer.capabilities, 0n);
    assert.equal(answer.flags, 0n);
    const { type, errorMessage, details } = answer.errorResponse ?? assert.fail("no error");
    assert.equal(type, ServerErrorResponseType.BAD_REQUEST);
    assert.equal(details.case, undefined);
    const { code, text } = fromWireText(errorMessage);
    assert.equal(code, "enrolment.token_revoked");
    assert.match(text, /was revoked.*Remedy: /);
  });

  it("asks to come again in half a minute when the failure is central's", () => {
    const answer = wire(errorAnswer(new TautlineError("central.unavailable")));
    assert.deepEqual(answer.instanceUid, new Uint8Array());
    const { type, details } = answer.errorResponse ?? assert.fail("no error");
    assert.equal(type, ServerErrorResponseType.UNAVAILABLE);
    assert.ok(details.case === "retryInfo");
    assert.equal(details.value.retryAfterNanoseconds, 30_000_000_000n);
  });

  it("asks nobody to wait for a central that restarts", () => {
    const answer = wire(errorAnswer(new TautlineError("central.stopping"), AGENT));
    assert.equal(answer.errorResponse?.type, ServerErrorResponseType.UNAVAILABLE);
    assert.equal(answer.errorResponse?.details.case, undefined);
  });
});
