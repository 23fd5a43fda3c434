import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { bearer, newToken, poll, problemCode, withCentral } from "../fixture-central.test.ts";
import { ask, dialTcp, request, told } from "./fixture-callers.test.ts";
import { shownToken } from "./shown-token.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const headWith = (line: string, body = ""): Buffer =>
  bytes(`POST /v1/opamp HTTP/1.1\r\nhost: a\r\n${line}\r\n\r\n${body}`);

describe("shownToken", () => {
  it("finds the token in a head, however its header is written", () => {
    for (const name of ["authorization", "Authorization", "AUTHORIZATION"]) {
      assert.equal(shownToken(headWith(`${name}: Bearer abc.def`)), "Bearer abc.def");
    }
    assert.equal(shownToken(headWith("authorization:bearer abc \t")), "bearer abc");
    assert.equal(
      shownToken(bytes("GET / HTTP/1.1\r\nauthorization: Bearer cut\r\n")),
      "Bearer cut",
    );
  });

  it("finds none where there is none: another scheme, a body, too long, nothing at all", () => {
    const none = [
      headWith("authorization: Basic abc"),
      headWith("x-authorization: Bearer abc"),
      headWith("accept: a", "\r\nauthorization: Bearer abc\r\n"),
      headWith(`authorization: Bearer ${"a".repeat(257)}`),
      headWith(`x: ${"a".repeat(8_192)}\r\nauthorization: Bearer abc`),
      bytes(""),
    ];
    for (const beginning of none) assert.equal(shownToken(beginning), undefined);
    assert.equal(shownToken(null), undefined);
  });

  it("gives one word of at most 256 characters, whatever the bytes are", () => {
    const parts = fc.constantFrom(
      "\r\n",
      "authorization:",
      " ",
      "bearer ",
      "abc",
      "\r\n\r\n",
      "\0",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(parts, fc.string()), { maxLength: 40 }), (all) => {
        const found = shownToken(bytes(all.join("")));
        if (found !== undefined) assert.match(found, /^bearer [^\s]{1,256}$/i);
      }),
    );
  });
});

describe("a port that does not accept plaintext", () => {
  it("ends a join token that is shown in plaintext where that is not accepted at all: others may have read it", () =>
    withCentral(async (test) => {
      const { authorization } = bearer(await newToken(test));
      const socket = await dialTcp(test.agentsPort);
      const head = request("POST /v1/opamp", { authorization, "content-length": "0" });
      assert.equal(told(await ask(socket, head)), "403 admission.token_exposed");
      const again = await poll(test, new Uint8Array(), { headers: { authorization } });
      assert.equal(problemCode(again), "enrolment.token_revoked");
      const guess = authorization.replace(/.{4}$/, "AAAA");
      const guesser = await dialTcp(test.agentsPort);
      const guessed = request("POST /v1/opamp", { authorization: guess, "content-length": "0" });
      assert.equal(told(await ask(guesser, guessed)), "403 admission.token_exposed");
      for (const each of [socket, guesser]) each.destroy();
    }));
});
