import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { encodeJoinToken, isTautlineError, LIMITS, type ErrorCode } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { findJoinToken } from "./join-token.ts";

const token = (tokenId: string): string =>
  encodeJoinToken({
    addresses: ["127.0.0.1:9150"],
    pins: [new Uint8Array(32)],
    trustDomain: "fleet.test",
    namespace: "default",
    tokenId,
    secret: new Uint8Array(32),
  });

const ARGUMENT = token("00000000000000aa");
const FILE = token("00000000000000bb");
const STDIN = token("00000000000000cc");
const VARIABLE = token("00000000000000dd");

const hasCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isTautlineError(error) && error.code === code;

test("the token comes from the argument, a file, standard input or TAUTLINE_TOKEN", () =>
  withTempFolder(async (cwd) => {
    writeFileSync(join(cwd, "token"), `${FILE}\n`);
    const environment = { token: VARIABLE };
    const context = { cwd, environment, stdin: Readable.from([`${STDIN}\n`]) };
    assert.equal(await findJoinToken(ARGUMENT, undefined, context), ARGUMENT);
    assert.equal(await findJoinToken(undefined, "token", context), FILE);
    assert.equal(await findJoinToken(undefined, "-", context), STDIN);
    assert.equal(await findJoinToken(undefined, undefined, context), VARIABLE);
  }));

test("no token at all is left to the agent: an interrupted join goes on with its own", () =>
  withTempFolder(async (cwd) => {
    const context = { cwd, environment: {}, stdin: Readable.from([]) };
    assert.equal(await findJoinToken(undefined, undefined, context), undefined);
  }));

test("two tokens are a usage mistake, half a token is refused before anything is dialled", () =>
  withTempFolder(async (cwd) => {
    writeFileSync(join(cwd, "token"), FILE);
    writeFileSync(join(cwd, "huge"), "x".repeat(LIMITS.joinTokenCharacters.value + 1));
    const context = { cwd, environment: {}, stdin: Readable.from([""]) };
    await assert.rejects(findJoinToken(ARGUMENT, "token", context), hasCode("cli.usage"));
    await assert.rejects(
      findJoinToken(ARGUMENT.slice(0, -5), undefined, context),
      hasCode("value.join_token"),
    );
    await assert.rejects(findJoinToken(undefined, "-", context), hasCode("value.join_token"));
    await assert.rejects(findJoinToken(undefined, "huge", context), hasCode("cli.file_unreadable"));
  }));
