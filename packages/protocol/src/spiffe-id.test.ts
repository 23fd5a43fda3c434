import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "./limits.ts";
import { agentHost, formatSpiffeId, parseSpiffeId, type SpiffeId } from "./spiffe-id.ts";

const UUID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

const AGENT = `spiffe://default.fleet.example.org/agent/${UUID}`;
const CENTRAL = "spiffe://fleet.example.org/central";

test("an agent's id names its trust domain, namespace and agent", () => {
  const id: SpiffeId = {
    kind: "agent",
    trustDomain: "fleet.example.org",
    namespace: "default",
    agentId: UUID,
  };
  assert.deepEqual(parseSpiffeId(AGENT), id);
  assert.equal(formatSpiffeId(id), AGENT);
});

test("central's id names its trust domain", () => {
  const id: SpiffeId = { kind: "central", trustDomain: "fleet.example.org" };
  assert.deepEqual(parseSpiffeId(CENTRAL), id);
  assert.equal(formatSpiffeId(id), CENTRAL);
});

test("a trust domain of one label is enough for both", () => {
  assert.equal(parseSpiffeId("spiffe://localhost/central").trustDomain, "localhost");
  assert.equal(parseSpiffeId(`spiffe://default.localhost/agent/${UUID}`).trustDomain, "localhost");
});

test("the host of a namespace's agents is what name constraints see", () => {
  assert.equal(agentHost("default", "fleet.example.org"), "default.fleet.example.org");
});

/** [what is wrong, the text]; the SPIFFE ID specification, sections 2.1 to 2.4, and look-alikes of what is right. */
const REFUSED: [string, string][] = [
  ["nothing", ""],
  ["the scheme alone", "spiffe://"],
  ["no path", "spiffe://fleet.example.org"],
  ["a root path", "spiffe://fleet.example.org/"],
  ["another scheme", CENTRAL.replace("spiffe", "https")],
  ["the scheme in upper case", CENTRAL.replace("spiffe", "SPIFFE")],
  ["one slash after the scheme", CENTRAL.replace("//", "/")],
  ["three slashes after the scheme", CENTRAL.replace("//", "///")],
  ["an empty trust domain", "spiffe:///central"],
  ["an upper-case trust domain", CENTRAL.replace("fleet", "Fleet")],
  ["an upper-case path", CENTRAL.replace("central", "Central")],
  ["a port", CENTRAL.replace(".org", ".org:443")],
  ["a user", CENTRAL.replace("fleet", "user@fleet")],
  ["a user and a password", CENTRAL.replace("fleet", "a:b@fleet")],
  ["a query", `${CENTRAL}?a=b`],
  ["an empty query", `${CENTRAL}?`],
  ["a fragment", `${CENTRAL}#a`],
  ["an empty fragment", `${CENTRAL}#`],
  ["a trailing slash", `${CENTRAL}/`],
  ["a trailing slash after an agent", `${AGENT}/`],
  ["a segment too many", `${CENTRAL}/more`],
  ["a segment too many after an agent", `${AGENT}/more`],
  ["an empty segment", AGENT.replace("/agent/", "//agent/")],
  ["an empty segment before the id", AGENT.replace("/agent/", "/agent//")],
  ["no agent id", AGENT.replace(UUID, "")],
  ["a dot segment", AGENT.replace("/agent/", "/./agent/")],
  ["a parent segment", `spiffe://default.fleet.example.org/x/../agent/${UUID}`],
  ["a parent segment for central", `${AGENT}/../../central`],
  ["an escaped parent segment", `spiffe://default.fleet.example.org/%2e%2e/agent/${UUID}`],
  ["an escaped slash", CENTRAL.replace("/central", "%2fcentral")],
  ["an escaped letter", CENTRAL.replace("central", "centr%61l")],
  ["an escaped dot in the host", CENTRAL.replace("fleet.", "fleet%2e")],
  ["a backslash", CENTRAL.replace("/central", "\\central")],
  ["a NUL", `${CENTRAL}\0`],
  ["a line feed", `${CENTRAL}\n`],
  ["a space before it", ` ${CENTRAL}`],
  ["a space after it", `${CENTRAL} `],
  ["a tab inside", CENTRAL.replace("/central", "/cen\ttral")],
  ["a soft hyphen", CENTRAL.replace("central", "cen\u00adtral")],
  ["a Cyrillic a", CENTRAL.replace("central", "centr\u0430l")],
  ["a full-width c", CENTRAL.replace("central", "\uff43entral")],
  ["a dotless i in the scheme", CENTRAL.replace("spiffe", "sp\u0131ffe")],
  ["a Kelvin sign", CENTRAL.replace("fleet", "\u212aleet")],
  ["a fraction slash", CENTRAL.replace("/central", "\u2044central")],
  ["an ideographic full stop", CENTRAL.replace("fleet.", "fleet\u3002")],
  ["a composed letter", CENTRAL.replace("central", "c\u0065\u0301ntral")],
  ["an IPv4 host", "spiffe://192.0.2.1/central"],
  ["an IPv6 host", "spiffe://[2001:db8::1]/central"],
  ["an empty label", CENTRAL.replace("fleet.", "fleet..")],
  ["a final dot in the host", CENTRAL.replace(".org", ".org.")],
  ["an underscore in the host", CENTRAL.replace("fleet", "fle_et")],
  ["an agent without a namespace", `spiffe://localhost/agent/${UUID}`],
  ["a namespace that starts with a digit", AGENT.replace("default", "1default")],
  ["a namespace of 41 characters", AGENT.replace("default", "a".repeat(41))],
  ["central's path on no trust domain", "spiffe://./central"],
  ["an agent id in upper case", AGENT.replace(UUID, UUID.toUpperCase())],
  ["an agent id of version 4", AGENT.replace("-7cc3", "-4cc3")],
  ["another role", AGENT.replace("/agent/", "/operator/")],
  ["a join token in the path (SPI-01-007)", AGENT.replace("/agent/", "/agent/join_token/")],
  ["half a character", `${CENTRAL}\ud800`],
];

for (const [name, text] of REFUSED) {
  test(`A13: a SPIFFE ID with ${name} is refused, never normalised`, () => {
    assert.throws(() => parseSpiffeId(text), { code: "value.spiffe_id" });
  });
}

test("A13: every character that may not stand there is refused, wherever it stands", () => {
  const allowed = /[a-z0-9.-]/;
  for (let code = 0; code < 0x250; code += 1) {
    const character = String.fromCodePoint(code);
    if (allowed.test(character)) continue;
    for (const text of [CENTRAL, AGENT]) {
      for (const at of [0, 4, 12, text.indexOf("/", 10) + 2, text.length]) {
        const changed = text.slice(0, at) + character + text.slice(at);
        assert.throws(() => parseSpiffeId(changed), { code: "value.spiffe_id" }, changed);
      }
    }
  }
});

test("A13: an id of 2,048 bytes is read by its parts, one of 2,049 is refused for its length", () => {
  const longest = "spiffe://".padEnd(LIMITS.spiffeIdBytes.value, "a");
  assert.throws(() => parseSpiffeId(longest), /neither \/central nor/);
  assert.throws(() => parseSpiffeId(`${longest}a`), /longer than 2048 bytes/);
  assert.throws(() => parseSpiffeId(`spiffe://${"é".repeat(1020)}`), /longer than 2048 bytes/);
});

const BAD_PARTS: [string, SpiffeId][] = [
  ["a dot in the namespace", agent({ namespace: "a.b" })],
  ["an empty namespace", agent({ namespace: "" })],
  ["a slash in the trust domain", agent({ trustDomain: "x/central" })],
  ["a path as agent id", agent({ agentId: "../central" })],
  ["a slash in central's trust domain", { kind: "central", trustDomain: "x/agent" }],
];

for (const [name, id] of BAD_PARTS) {
  test(`A13: no SPIFFE ID is written with ${name}`, () => {
    assert.throws(() => formatSpiffeId(id), { code: "value.spiffe_id" });
  });
}

function agent(change: Partial<SpiffeId & { kind: "agent" }>): SpiffeId {
  const { namespace = "default", trustDomain = "fleet.org", agentId = UUID } = change;
  return { kind: "agent", namespace, trustDomain, agentId };
}
