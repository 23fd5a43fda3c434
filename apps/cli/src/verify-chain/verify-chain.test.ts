import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  certificatesFromPem,
  createKeyPair,
  createRoot,
  createSerial,
  issueCertificate,
  issueCrl,
  serialOf,
  toPem,
  type Issuer,
} from "@tautline/pki";
import { createTestAuthority, withTempFolder } from "@tautline/testing";
import { runLine, TEST_NOW_MS, type CommandResult } from "../test-world.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";
const NAME = `spiffe://default.fleet.test/agent/${AGENT}`;
const authority = createTestAuthority({ trustDomain: "fleet.test", now: () => TEST_NOW_MS });
const agentChain = authority.issueAgentLeaf({
  namespace: "default",
  agentId: AGENT,
  publicKey: createKeyPair("p256").publicKey,
  purpose: "client",
});

async function judge(
  words: string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<CommandResult> {
  return await withTempFolder((cwd) => {
    const all = { "roots.pem": authority.rootPem, "chain.pem": agentChain, ...files };
    for (const [name, content] of Object.entries(all)) writeFileSync(join(cwd, name), content);
    return runLine(`verify-chain --roots roots.pem --chain chain.pem ${words}`, cwd);
  });
}

test("an agent's chain is accepted for its own name and purpose", async () => {
  const { code, stdout } = await judge(`--name ${NAME} --purpose client`);
  assert.equal(code, 0);
  assert.match(stdout, /^verdict +accepted\nspiffe id +spiffe:\/\/default\.fleet\.test/);
});

test("with --json the verdict names id, serial and path", async () => {
  const { stdout } = await judge(`--name ${NAME} --purpose client --json`);
  const [leaf] = certificatesFromPem(agentChain);
  assert.ok(leaf);
  assert.partialDeepStrictEqual(JSON.parse(stdout), {
    ok: true,
    spiffeId: NAME,
    serial: serialOf(leaf),
  });
});

test("every refusal ends with 1, prints nothing on stdout and says why on stderr", async () => {
  const stranger = createRoot({
    trustDomain: "fleet.test",
    now: () => TEST_NOW_MS,
    lifetimeMs: 86_400_000,
    serial: createSerial(randomBytes),
  });
  const rows: readonly (readonly [string, RegExp, Record<string, string>?])[] = [
    [`--name ${NAME} --purpose server`, /pki\.chain_wrong_purpose/],
    [`--name ${NAME.replace("ab", "ac")} --purpose client`, /pki\.chain_wrong_name/],
    ["--name localhost --purpose client", /pki\.chain_wrong_name/],
    ["--name 127.0.0.1 --purpose client", /pki\.chain_wrong_name/],
    [`--name ${NAME} --purpose client --time 2026-11-24T00:00:00Z`, /pki\.chain_expired/],
    [`--name ${NAME} --purpose client --time 2016-01-01T00:00:00Z`, /pki\.chain_not_yet_valid/],
    [
      `--name ${NAME} --purpose client`,
      /pki\.chain_untrusted/,
      { "roots.pem": toPem([stranger.certificate]) },
    ],
    [`--name ${NAME} --purpose client`, /no certificate|pki\./, { "chain.pem": "nothing" }],
    ["--name spiffe://x --purpose client", /value\.spiffe_id/],
  ];
  for (const [words, says, files] of rows) {
    const { code, stdout, stderr } = await judge(words, files);
    assert.deepEqual([code, stdout], [1, ""], words);
    assert.match(stderr, says, words);
  }
});

test("central's chain is accepted by SPIFFE ID, DNS name and address", async () => {
  for (const name of ["spiffe://fleet.test/central", "localhost", "127.0.0.1"]) {
    const files = { "chain.pem": authority.central.chainPem };
    const { code, stderr } = await judge(`--name ${name} --purpose server`, files);
    assert.deepEqual([code, stderr], [0, ""], name);
  }
});

test("a revocation list by an issuer of the chain decides; one of a stranger is refused, not ignored", async () => {
  const own = ownRoot();
  const files = (crl: Uint8Array): Record<string, string | Uint8Array> => ({
    "roots.pem": toPem([own.issuer.certificate]),
    "chain.pem": own.leafPem,
    "list.crl": crl,
  });
  const words = "--name spiffe://fleet.test/central --purpose server --crl list.crl";
  const other = "ff".repeat(16);
  assert.equal((await judge(words, files(list(own.issuer, [other])))).code, 0);
  const revoked = await judge(words, files(list(own.issuer, [own.serial])));
  assert.equal(revoked.code, 1);
  assert.match(revoked.stderr, /pki\.chain_revoked/);
  const strange = await judge(words, files(list(ownRoot("other.test").issuer, [own.serial])));
  assert.equal(strange.code, 1);
  assert.match(strange.stderr, /cli\.crl_not_for_chain/);
});

interface OwnRoot {
  readonly issuer: Issuer;
  readonly leafPem: string;
  readonly serial: string;
}

function ownRoot(trustDomain = "fleet.test"): OwnRoot {
  const issuer = createRoot({
    trustDomain,
    now: () => TEST_NOW_MS,
    lifetimeMs: 86_400_000,
    serial: createSerial(randomBytes),
  });
  const leaf = issueCertificate({
    profile: { kind: "central", trustDomain, dnsNames: [], ipAddresses: [] },
    publicKey: createKeyPair("p256").publicKey,
    issuer,
    notBefore: new Date(TEST_NOW_MS),
    notAfter: new Date(TEST_NOW_MS + 3_600_000),
    serial: createSerial(randomBytes),
  });
  return { issuer, leafPem: toPem([leaf]), serial: serialOf(leaf) };
}

function list(issuer: Issuer, serials: readonly string[]): Buffer {
  return issueCrl({
    issuer,
    revoked: serials.map((serial) => ({ serial, at: new Date(TEST_NOW_MS - 1000) })),
    thisUpdate: new Date(TEST_NOW_MS - 1000),
    nextUpdate: new Date(TEST_NOW_MS + 3_600_000),
    number: 1,
  });
}
