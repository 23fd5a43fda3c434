import assert from "node:assert/strict";
import { test } from "node:test";
import { isAgentName, parseAgentName, parseNamespace, parseTrustDomain } from "./names.ts";

const NAMESPACES = ["default", "a", "berlin-2", "a1", `a${"b".repeat(39)}`];

const NOT_NAMESPACES = [
  ["empty", ""],
  ["over 40 characters", `a${"b".repeat(40)}`],
  ["upper case", "Default"],
  ["a digit first", "1a"],
  ["a hyphen first", "-a"],
  ["a hyphen last", "a-"],
  ["a dot", "a.b"],
  ["an underscore", "a_b"],
  ["a space", "a b"],
  ["a line feed at the end", "a\n"],
  ["a slash", "a/b"],
  ["a percent escape", "a%2e"],
  ["a Cyrillic letter", "d\u0435fault"],
  ["a full-width letter", "\uff41"],
  ["the text form of other letters", "xn--80ak6aa92e"],
  ["a parent folder", ".."],
] as const;

for (const text of NAMESPACES) {
  test(`'${text}' is a namespace`, () => assert.equal(parseNamespace(text), text));
}

for (const [name, text] of NOT_NAMESPACES) {
  test(`a namespace with ${name} is refused`, () => {
    assert.throws(() => parseNamespace(text), { code: "value.namespace" });
  });
}

const LONGEST = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(20)}`;
const TRUST_DOMAINS = [
  "fleet.example.org",
  "localhost",
  "a-b.c",
  "1.example",
  "xn--bcher-kva.example",
];
const NOT_TRUST_DOMAINS = [
  ["empty", ""],
  ["over 212 characters", `${LONGEST}e`],
  ["a label over 63 characters", `${"a".repeat(64)}.org`],
  ["upper case", "Fleet.example.org"],
  ["a final dot", "fleet.example.org."],
  ["a leading dot", ".example.org"],
  ["an empty label", "fleet..org"],
  ["an underscore", "fleet_a.org"],
  ["a hyphen at a label's end", "fleet-.org"],
  ["the form of an IPv4 address", "192.0.2.1"],
  ["a port", "fleet.example.org:443"],
  ["a user", "a@fleet.example.org"],
  ["a Greek letter", "fleet.\u03bfrg"],
  ["a percent escape", "fleet%2eorg"],
] as const;

for (const text of [...TRUST_DOMAINS, LONGEST]) {
  test(`'${text.slice(0, 30)}' is a trust domain`, () =>
    assert.equal(parseTrustDomain(text), text));
}

for (const [name, text] of NOT_TRUST_DOMAINS) {
  test(`a trust domain with ${name} is refused`, () => {
    assert.throws(() => parseTrustDomain(text), { code: "value.trust_domain" });
  });
}

test("the longest namespace before the longest trust domain is still a host name of 253 characters", () => {
  assert.equal(`${parseNamespace(`a${"b".repeat(39)}`)}.${parseTrustDomain(LONGEST)}`.length, 253);
});

for (const text of [
  "host-1",
  "Büro 東京 🚀",
  "$(reboot); `id`",
  "a".repeat(128),
  "😀".repeat(128),
]) {
  test(`'${text.slice(0, 20)}' can label an agent`, () => assert.equal(parseAgentName(text), text));
}

const NOT_AGENT_NAMES = [
  ["no character", ""],
  ["129 characters", "a".repeat(129)],
  ["129 characters of two code units", "😀".repeat(129)],
  ["a space at its start", " a"],
  ["a no-break space at its end", "a\u00a0"],
  ["a line feed", "a\nb"],
  ["a NUL", "a\0"],
  ["an escape", "\u001b[2Ja"],
  ["a right-to-left override", "a\u202eb"],
  ["half a character", "a\ud800"],
] as const;

for (const [name, text] of NOT_AGENT_NAMES) {
  test(`an agent's name with ${name} is refused`, () => {
    assert.ok(!isAgentName(text));
    assert.throws(() => parseAgentName(text), { code: "value.agent_name" });
  });
}
