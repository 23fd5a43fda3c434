import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  formatAuditBody,
  MAX_AUDIT_TEXT,
  type AuditEntry,
  type AuditEvent,
} from "./audit-event.ts";

const AT = Date.UTC(2026, 10, 22, 10, 0, 0);
const event: AuditEvent = {
  action: "token.created",
  actor: "operator:local",
  subject: "token:1",
  detail: { uses: 2, namespace: "default" },
};

const read = (body: string): AuditEntry => JSON.parse(body) as AuditEntry;

describe("formatAuditBody", () => {
  it("writes the keys in one order, whatever order the detail came in", () => {
    const body = formatAuditBody(7, AT, event);
    assert.equal(
      body,
      '{"seq":7,"at":"2026-11-22T10:00:00.000Z","action":"token.created","actor":"operator:local",' +
        '"subject":"token:1","detail":{"namespace":"default","uses":2}}',
    );
    const turned = { ...event, detail: { namespace: "default", uses: 2 } };
    assert.equal(formatAuditBody(7, AT, turned), body);
  });

  it("writes an empty detail where there is none", () => {
    const { detail: _, ...bare } = event;
    assert.deepEqual(read(formatAuditBody(1, AT, bare)).detail, {});
  });

  const hostile: { name: string; text: string; shown: string }[] = [
    { name: "a line end", text: 'x"}\n{"seq":8', shown: 'x"}\uFFFD{"seq":8' },
    { name: "a carriage return", text: "a\rb", shown: "a\uFFFDb" },
    { name: "a terminal's escape", text: "\u001b[2Jx", shown: "\uFFFD[2Jx" },
    { name: "a right-to-left mark", text: "a\u202Eb\u200F", shown: "a\uFFFDb\uFFFD" },
    { name: "a line separator", text: "a\u2028b\u2029", shown: "a\uFFFDb\uFFFD" },
    { name: "a zero-width joiner", text: "a\u200Db", shown: "a\uFFFDb" },
    { name: "half a character", text: "a\uD800b", shown: "a\uFFFDb" },
    { name: "a NUL", text: "a\0b", shown: "a\uFFFDb" },
    {
      name: "shell signs and quotes, which are inert",
      text: `$(x) \`y\` '"`,
      shown: `$(x) \`y\` '"`,
    },
  ];
  for (const { name, text, shown } of hostile) {
    it(`A27: ${name} forges no entry, in whichever field it stands`, () => {
      const body = formatAuditBody(1, AT, {
        action: "agent.joined",
        actor: text,
        subject: text,
        detail: { [text]: text },
      });
      const entry = read(body);
      assert.equal(body.split("\n").length, 1);
      assert.deepEqual([entry.actor, entry.subject], [shown, shown]);
      assert.deepEqual(entry.detail, { [shown]: shown });
    });
  }

  it("bounds every text: one at the limit stays, one over it is cut", () => {
    for (const [length, kept] of [
      [MAX_AUDIT_TEXT, "x".repeat(MAX_AUDIT_TEXT)],
      [MAX_AUDIT_TEXT + 1, `${"x".repeat(MAX_AUDIT_TEXT - 1)}…`],
      [10_000_000, `${"x".repeat(MAX_AUDIT_TEXT - 1)}…`],
    ] as const) {
      const text = "x".repeat(length);
      const entry = read(
        formatAuditBody(1, AT, { ...event, actor: text, subject: text, detail: { a: text } }),
      );
      assert.deepEqual([entry.actor, entry.subject, entry.detail?.["a"]], [kept, kept, kept]);
    }
  });

  it("any texts give one line of JSON that is read back with its number, time and action", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, fc.dictionary(text, text), (actor, subject, detail) => {
        const body = formatAuditBody(3, AT, { action: "link.refused", actor, subject, detail });
        assert.equal(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(body), false);
        const entry = read(body);
        assert.deepEqual([entry.seq, entry.action], [3, "link.refused"]);
        assert.ok(body.length < 20_000 || Object.keys(detail).length > 10);
      }),
    );
  });
});
