import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  encodeServerToAgent,
  isTautlineError,
  ServerErrorResponseType,
  ServerToAgentFlags,
  ServerToAgentSchema,
  TautlineError,
  toWireText,
} from "@tautline/protocol";
import { askedWaitMs, readServerWord, type ServerWord } from "./server-word.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const OTHER_ID = "0190a000-0000-7000-8000-000000000002";
const MINUTES_MS = 60_000;

function refusalWith(
  type: ServerErrorResponseType,
  retryAfterNanoseconds?: bigint,
): NonNullable<ServerWord["refusal"]> {
  const details =
    retryAfterNanoseconds === undefined
      ? {}
      : { details: { case: "retryInfo" as const, value: { retryAfterNanoseconds } } };
  const errorMessage = toWireText(
    new TautlineError("opamp.malformed", { detail: { reason: "x" } }),
  );
  const bytes = encodeServerToAgent(
    create(ServerToAgentSchema, { errorResponse: { type, errorMessage, ...details } }),
  );
  const { refusal } = readServerWord(bytes, ID);
  assert.ok(refusal !== undefined);
  return refusal;
}

function wordFor(agentId: string, flags = 0n): ServerWord {
  const answer = create(ServerToAgentSchema, { instanceUid: agentIdToBytes(agentId), flags });
  return readServerWord(encodeServerToAgent(answer), ID);
}

test("a plain answer is neither a refusal nor a wish", () => {
  const { refusal, wantsFullState } = wordFor(ID);
  assert.deepEqual({ refusal, wantsFullState }, { refusal: undefined, wantsFullState: false });
});

test("central may ask for the whole state", () => {
  assert.ok(wordFor(ID, BigInt(ServerToAgentFlags.REPORT_FULL_STATE)).wantsFullState);
});

test("A30: an answer for another agent is none", () => {
  assert.throws(
    () => wordFor(OTHER_ID),
    (error) => isTautlineError(error) && error.code === "agent.foreign_message",
  );
});

test("an error reply that names nobody is for whoever asked, with central's own code", () => {
  const { error, mayRetry, retryAfterMs } = refusalWith(ServerErrorResponseType.BAD_REQUEST, 5n);
  assert.equal(error.code, "agent.refused");
  assert.equal(error.detail["code"], "opamp.malformed");
  assert.deepEqual({ mayRetry, retryAfterMs }, { mayRetry: false, retryAfterMs: 0 });
});

const WAITS: [nanoseconds: bigint | undefined, ms: number][] = [
  [undefined, 0],
  [30_000_000_000n, 30_000],
  [2n ** 63n, 15 * MINUTES_MS],
];

for (const [nanoseconds, ms] of WAITS) {
  test(`A4: a busy central that asks for ${nanoseconds ?? "no"} ns is given ${ms} ms`, () => {
    const refusal = refusalWith(ServerErrorResponseType.UNAVAILABLE, nanoseconds);
    assert.deepEqual([refusal.mayRetry, refusal.retryAfterMs], [true, ms]);
    assert.equal(refusal.error.code, "agent.central_unavailable");
  });
}

function refused(retryAfterSeconds?: number): TautlineError {
  const detail = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new TautlineError("link.refused", { detail });
}

test("A4: Retry-After is honoured up to a quarter of an hour", () => {
  assert.deepEqual(
    [undefined, 0, 20, 999_999].map((seconds) => askedWaitMs(refused(seconds))),
    [0, 0, 20_000, 15 * MINUTES_MS],
  );
  assert.equal(askedWaitMs(undefined), 0);
});
