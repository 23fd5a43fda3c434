import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { createAddressBook } from "./address-book.ts";

const refused = new TautlineError("link.unreachable", {
  detail: { address: "a:1", reason: "nothing listens there" },
});

test("addresses are tried in the order given, then from the one that answered last", () => {
  const book = createAddressBook(() => 0);
  assert.deepEqual(book.order(["a:1", "b:1", "a:1", "c:1"]), ["a:1", "b:1", "c:1"]);
  book.note("a:1", refused);
  book.note("b:1");
  assert.deepEqual(book.order(["a:1", "b:1", "c:1"]), ["b:1", "a:1", "c:1"]);
  book.note("b:1", refused);
  assert.deepEqual(book.order(["a:1", "b:1"]), ["b:1", "a:1"], "it may come back soonest");
  assert.deepEqual(book.order(["x:1", "a:1"]), ["x:1", "a:1"], "what is no longer named is gone");
});

test("each address keeps the reason of its last try", () => {
  const book = createAddressBook(() => 0);
  book.note("a:1");
  book.note("b:1");
  book.note("a:1", refused);
  const at = "1970-01-01T00:00:00.000Z";
  assert.deepEqual(book.attempts, [
    { address: "a:1", at, code: "link.unreachable", text: refused.message },
    { address: "b:1", at, code: "", text: "" },
  ]);
});

test("a central that sends ever new addresses does not fill the memory", () => {
  const book = createAddressBook(() => 0);
  for (let at = 0; at < 1000; at += 1) book.note(`h${at}:1`);
  assert.equal(book.attempts.length, 48);
  assert.equal(book.attempts.at(-1)?.address, "h999:1");
});
