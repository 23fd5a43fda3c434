import assert from "node:assert/strict";
import { test } from "node:test";
import { examineLinks } from "./examine-links.ts";
import { examineReopenings } from "./examine-reopenings.ts";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const open = {
  id: 3,
  from: ["192.0.2.0/24"],
  openedBy: "operator:ana",
  until: "2026-11-28T14:00:00Z",
  endedAt: null,
};

test("A25: plaintext that is open to say where to join is a warning that says to whom, until when and by whom; what has ended is none", () => {
  const ended = { ...open, id: 2, endedAt: "2026-11-28T11:00:00Z" };
  const [finding, ...others] = examineReopenings([open, ended], NOW);
  assert.deepEqual(others, []);
  assert.equal(finding?.severity, "warning");
  assert.equal(
    finding?.what,
    "Plaintext is re-opened to 192.0.2.0/24 until 2026-11-28T14:00:00Z (in 2h)",
  );
  assert.equal(finding?.where, "re-opening 3, by operator:ana");
  assert.match(finding?.remedy ?? "", /'tautline policy end-reopening 3'/);
});

test("a port that listens for its sake alone is not told as one that accepts plaintext; one that is public is", () => {
  const listener = { name: "plaintext", addresses: ["0.0.0.0:8787"], reopened: true, links: 0 };
  assert.deepEqual(examineLinks([{ ...listener, bind: "off" }], []), []);
  assert.equal(examineLinks([{ ...listener, bind: "public" }], []).length, 1);
});
