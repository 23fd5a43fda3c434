import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  customMessage,
  isTautlineError,
  ServerErrorResponseType,
  ServerToAgentSchema,
  TautlineError,
  toWireText,
} from "@tautline/protocol";
import { boundRetryAfter, readServerMessage, type ServerWord } from "./server-message.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const instanceUid = agentIdToBytes(ID);
const { UNKNOWN, BAD_REQUEST, UNAVAILABLE } = ServerErrorResponseType;
type Init = Parameters<typeof create<typeof ServerToAgentSchema>>[1];

const read = (init: Init): ServerWord[] =>
  readServerMessage(create(ServerToAgentSchema, { instanceUid, ...init }), ID);

test("a bare acknowledgement asks for nothing", () => {
  assert.deepEqual(read({ capabilities: 3n }), []);
});

test("the flag ReportFullState is heard among other flags", () => {
  assert.deepEqual(read({ flags: 0x3n }), [{ kind: "report_full_state" }]);
  assert.deepEqual(read({ flags: 0x2n }), []);
});

const UNSIGNED: [what: string, init: Init][] = [
  ["command", { command: { type: 0 } }],
  ["packages_available", { packagesAvailable: {} }],
  ["agent_identification", { agentIdentification: {} }],
  ["connection_settings", { connectionSettings: {} }],
];
for (const [what, init] of UNSIGNED) {
  test(`${what} is told apart as what can never be signed`, () => {
    assert.deepEqual(read(init), [{ kind: "unsigned", what }]);
  });
}

test("a configuration and its envelope are one instruction, each may be missing", () => {
  const envelope = Uint8Array.of(1);
  const signed = customMessage(CAPABILITY_INSTRUCTION, "signed", envelope);
  const both = read({ remoteConfig: {}, customMessage: signed })[0];
  assert.ok(both?.kind === "instruction" && both.remoteConfig !== undefined);
  assert.deepEqual(both.envelope, envelope);
  const bare = read({ remoteConfig: {} })[0];
  assert.ok(bare?.kind === "instruction" && bare.envelope === undefined);
  const alone = read({ customMessage: signed })[0];
  assert.ok(alone?.kind === "instruction" && alone.remoteConfig === undefined);
});

test("a custom message that is not ours is passed over, as OpAMP allows", () => {
  const foreign = { capability: "com.example", type: "signed", data: new Uint8Array() };
  assert.deepEqual(read({ customMessage: foreign }), []);
  assert.deepEqual(
    read({ customMessage: { ...foreign, capability: CAPABILITY_INSTRUCTION, type: "?" } }),
    [],
  );
});

test("an error response excludes every other field", () => {
  const words = read({
    errorResponse: { type: BAD_REQUEST, errorMessage: "no" },
    command: { type: 0 },
    flags: 1n,
  });
  assert.deepEqual(
    words.map(({ kind }) => kind),
    ["error"],
  );
});

const RETRY: [name: string, nanoseconds: bigint | undefined, ms: number | undefined][] = [
  ["no wait", undefined, undefined],
  ["half a second", 500_000_000n, 500],
  ["a quarter of an hour", 900_000_000_000n, 900_000],
  ["a nanosecond more", 900_001_000_000n, 900_000],
  ["five hundred years", 2n ** 64n - 1n, 900_000],
];
for (const [name, nanoseconds, ms] of RETRY) {
  test(`A4: Unavailable with ${name} to wait means ${ms ?? "nothing"} ms, never for good`, () => {
    const details =
      nanoseconds === undefined
        ? { case: undefined }
        : ({ case: "retryInfo", value: { retryAfterNanoseconds: nanoseconds } } as const);
    const [word] = read({ errorResponse: { type: UNAVAILABLE, errorMessage: "later", details } });
    assert.ok(word?.kind === "error" && word.mayRetry);
    assert.equal(word.error.code, "agent.central_unavailable");
    assert.equal(word.retryAfterMs, ms);
    // Whoever gets the error alone waits as well: a late renewal is asked for before there is a session.
    const seconds = ms === undefined ? undefined : Math.ceil(ms / 1000);
    assert.equal(word.error.detail["retryAfterSeconds"], seconds);
  });
}

for (const type of [UNKNOWN, BAD_REQUEST]) {
  test(`an error of type ${type} is a refusal that carries central's sentence, code and remedy`, () => {
    const errorMessage = toWireText(new TautlineError("enrolment.token_revoked"));
    const [word] = read({ errorResponse: { type, errorMessage } });
    assert.ok(word?.kind === "error" && !word.mayRetry);
    assert.equal(word.error.code, "agent.refused");
    assert.match(word.error.message, /The join token was revoked.*enrolment\.token_revoked/);
    assert.match(word.error.remedy, /^Ask who revoked it.*Nothing of the agent was changed\.$/);
  });
}

test("control characters and endless text of an error reply do not reach the log", () => {
  const errorMessage = `\u001b[2J${"x".repeat(5_000)}\nforged line`;
  const [word] = read({ errorResponse: { type: BAD_REQUEST, errorMessage } });
  assert.ok(word?.kind === "error");
  assert.ok(word.error.message.length < 500);
  assert.ok(!/\p{Cc}/u.test(word.error.message));
});

const FOREIGN: [name: string, uid: Uint8Array][] = [
  ["another agent's", agentIdToBytes("0190a000-0000-7000-8000-00000000beef")],
  ["none", new Uint8Array()],
  ["seventeen bytes", new Uint8Array(17)],
  ["sixteen bytes that are no UUIDv7", new Uint8Array(16)],
];
for (const [name, uid] of FOREIGN) {
  test(`a message with ${name} as instance uid is not ours`, () => {
    const message = create(ServerToAgentSchema, { instanceUid: uid, flags: 1n });
    assert.throws(
      () => readServerMessage(message, ID),
      (error) => isTautlineError(error) && error.code === "agent.foreign_message",
    );
  });
}

test("only an error reply may leave the instance uid out: central may not have been able to read it", () => {
  const message = create(ServerToAgentSchema, {
    errorResponse: { type: BAD_REQUEST, errorMessage: "?" },
  });
  assert.equal(readServerMessage(message, ID)[0]?.kind, "error");
});

test("a wait asked for by HTTP has the same bounds", () => {
  assert.deepEqual([-1, 0, 30_000, 900_001].map(boundRetryAfter), [0, 0, 30_000, 900_000]);
});

test("an identity is one word with its connection settings; without our grant they are unsigned", () => {
  const grant = customMessage(CAPABILITY_ENROLMENT, "grant", Uint8Array.of(3));
  const [word, ...rest] = read({ connectionSettings: {}, customMessage: grant });
  assert.ok(word?.kind === "grant" && word.offer !== undefined);
  assert.deepEqual([word.grant, rest], [Uint8Array.of(3), []]);
  const other = customMessage(CAPABILITY_ENROLMENT, "renew", Uint8Array.of(3));
  assert.deepEqual(read({ connectionSettings: {}, customMessage: other }), [
    { kind: "unsigned", what: "connection_settings" },
  ]);
});
