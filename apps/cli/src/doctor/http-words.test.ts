import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readHttpWords } from "./http-words.ts";

const answer = (line: string, fields: readonly string[], body = ""): string =>
  [line, ...fields, "", body].join("\r\n");

test("the head of a central's refusal is read: offer, time to the millisecond, reason and remedy", () => {
  const words = readHttpWords(
    answer(
      "HTTP/1.1 426 Upgrade Required",
      [
        "Tautline-Offer: 0.1.0; levels=tls,mtls",
        "tautline-time: 2026-11-28T05:00:00.125Z",
        "Date: Sat, 28 Nov 2026 04:00:00 GMT",
        "Content-Type: application/problem+json",
      ],
      JSON.stringify({ title: "Level", detail: "Not in clear.", remedy: "Use tls.", status: 426 }),
    ),
  );
  assert.deepEqual(words, {
    line: "HTTP/1.1 426 Upgrade Required",
    status: 426,
    location: undefined,
    offer: { version: "0.1.0", levels: ["tls", "mtls"] },
    time: { ms: Date.UTC(2026, 10, 28, 5, 0, 0, 125), isWholeSeconds: false },
    problem: { text: "Not in clear.", remedy: "Use tls." },
  });
});

test("another program's answer has HTTP's date, and no offer", () => {
  const fields = ["date: Sat, 28 Nov 2026 05:00:00 GMT", "Location: https://x/"];
  const words = readHttpWords(answer("HTTP/1.0 301", fields));
  assert.equal(words?.status, 301);
  assert.equal(words.location, "https://x/");
  assert.deepEqual(words.time, { ms: Date.UTC(2026, 10, 28, 5), isWholeSeconds: true });
  assert.equal(words.offer, undefined);
});

test("a header that came twice says nothing, and a body that cannot be read takes nothing from the refusal", () => {
  const twice = ["Tautline-Offer: 1; levels=tls", "Tautline-Offer: 2; levels=tls"];
  const words = readHttpWords(
    answer("HTTP/1.1 400 No", [...twice, "Content-Type: application/problem+json"], "{"),
  );
  assert.deepEqual(
    [words?.status, words?.offer, words?.problem, words?.time],
    [400, undefined, undefined, undefined],
  );
});

test("what is no HTTP/1 answer is none", () => {
  for (const text of [
    "",
    "HTTP/2 200",
    "HTTP/1.1 99 x",
    "HTTP/1.1 2000",
    "SSH-2.0-x\r\n",
    " HTTP/1.1 200",
  ]) {
    assert.equal(readHttpWords(text), undefined, text);
  }
});

test("no answer at all makes the reader throw, and its line is one line for a terminal", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.string({ unit: "binary", maxLength: 300 }).map((rest) => `HTTP/1.1 200 ${rest}`),
    fc
      .tuple(fc.string({ maxLength: 40 }), fc.json())
      .map(([field, body]) =>
        answer("HTTP/1.1 400 x", [field, "Content-Type: application/problem+json"], body),
      ),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const words = readHttpWords(text);
      if (words === undefined) return;
      for (const shown of [words.line, words.problem?.text ?? "", words.problem?.remedy ?? ""]) {
        assert.doesNotMatch(shown, /\p{Cc}/u);
        assert.ok(Array.from(shown).length <= 500);
      }
    }),
  );
});
