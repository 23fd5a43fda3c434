import assert from "node:assert/strict";
import { test } from "node:test";
import { examineLinks } from "./examine-links.ts";

const AGENTS = { name: "agents", bind: "public", addresses: ["[::]:9150"], levels: ["mtls"] };
const plaintext = (bind: string, addresses: readonly string[]) => ({
  name: "plaintext",
  bind,
  addresses,
  levels: addresses.length === 0 ? [] : ["plaintext"],
  links: 3,
});
const key = (weakness: string | null, version = 1) => ({
  name: "legacy",
  namespace: "lab",
  weak: weakness !== null,
  versions: [{ version, state: "current", weakness, agents: 0 }],
});
const whats = (listeners: readonly object[], keys: readonly object[] = []) =>
  examineLinks(listeners as never, keys as never).map(({ what, where }) => `${what} | ${where}`);

test("plaintext for other hosts is a finding with the number of links; off or for this host alone it is none", () => {
  assert.deepEqual(whats([AGENTS, plaintext("public", ["[::]:8787"])]), [
    "Plaintext is accepted from other hosts; live links without protection: 3 | [::]:8787",
  ]);
  assert.deepEqual(whats([AGENTS, plaintext("off", [])]), []);
  assert.deepEqual(whats([AGENTS, plaintext("loopback", ["127.0.0.1:8787", "[::1]:8787"])]), []);
  assert.deepEqual(whats([AGENTS, plaintext("public", ["127.0.0.1:8787"])]), []);
});

test("a weak key is a finding that names key, version and namespace, and how to rotate; a strong one is none", () => {
  assert.deepEqual(whats([], [key(null)]), []);
  const weak = key("it is worth at most 16 bits of the 128 a key should have", 2);
  const [finding, ...others] = examineLinks([], [weak]);
  assert.deepEqual(others, []);
  assert.match(finding?.what ?? "", /^A shared key is weak: it is worth at most 16 bits/);
  assert.equal(finding?.where, "key legacy, version 2, namespace lab");
  assert.match(finding?.remedy ?? "", /'tautline keys rotate legacy'/);
});
