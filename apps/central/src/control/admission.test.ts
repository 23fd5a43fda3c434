import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PassThrough } from "node:stream";
import { createKeyPair, PROOF_CHALLENGE, serialOf } from "@tautline/pki";
import {
  type ErrorCode,
  formatTokenCredential,
  fromBase64Url,
  type JoinToken,
  type Level,
} from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  type Core,
  DAY_MS,
  GRACE_MS,
  joinNew,
  makeJoiner,
  makeToken,
  withCore,
} from "../fixture-core.test.ts";
import type { Arrival } from "./admission.ts";
import {
  admissionOf,
  arrivalAt,
  liveKey,
  type Prover,
  proofFor,
  proverOf,
} from "./fixture-arrivals.test.ts";
import { challengeOf } from "./proof-challenge.ts";

const BELOW_TLS = ["plaintext", "basic", "advanced"] as const;
const BOUND = ["basic", "advanced", "tls"] as const;

const bearer = ({ tokenId, secret }: Pick<JoinToken, "tokenId" | "secret">): string =>
  `Bearer ${formatTokenCredential(tokenId, secret)}`;

const stateOf = async (core: Core, tokenId: string): Promise<string | undefined> =>
  (await core.tokens.list()).find(({ id }) => id === tokenId)?.state;

/** Asks for a number on a plaintext connection. */
async function challenged(core: Core, arrival: Arrival): Promise<Uint8Array> {
  const asked = { ...arrival, proof: PROOF_CHALLENGE };
  const refusal = await refusalOf(admissionOf(core).admit(asked), "admission.proof_challenged");
  return fromBase64Url(String(refusal.detail["nonce"]));
}

describe("callers without anything", () => {
  for (const level of BELOW_TLS) {
    it(`are claims at ${level}, with the key they came over`, () =>
      withCore(async (core) => {
        const key = level === "plaintext" ? undefined : liveKey("shop");
        const caller = await admissionOf(core).admit(arrivalAt(core, level, { key }));
        assert.ok(caller.kind === "claim");
        assert.equal(caller.key, key);
        assert.equal(caller.evidence.level, level);
      }));
  }

  it("are nobody at tls, unless the setting lets them be claims", () =>
    withCore(async (core) => {
      const arrival = arrivalAt(core, "tls");
      await refusalOf(admissionOf(core).admit(arrival), "admission.credential_missing");
      assert.equal((await admissionOf(core, "any").admit(arrival)).kind, "claim");
    }));
});

describe("a token", () => {
  for (const level of BELOW_TLS) {
    it(`at ${level} is revoked, audited and refused: whoever listened has it now`, () =>
      withCore(async (core) => {
        const token = await makeToken(core);
        const shown = arrivalAt(core, level, { authorization: bearer(token) });
        const refusal = await refusalOf(admissionOf(core).admit(shown), "admission.token_exposed");
        assert.match(refusal.message, new RegExp(`level ${level}`));
        assert.equal(await stateOf(core, token.tokenId), "revoked");
        const entries = await core.audit.list({ limit: 100 });
        const revoked = entries.find(({ action }) => action === "token.revoked");
        assert.deepEqual(revoked?.detail, { reason: `seen on a link of level ${level}` });
        assert.ok(entries.some(({ action }) => action === "token.refused"));
        // It opens nothing at tls either, from now on.
        const later = arrivalAt(core, "tls", { authorization: bearer(token) });
        await refusalOf(admissionOf(core).admit(later), "enrolment.token_revoked");
      }));
  }

  it("of a wrong secret below tls ends nothing, and is told the same", () =>
    withCore(async (core) => {
      const token = await makeToken(core);
      for (const authorization of [
        bearer({ ...token, secret: new Uint8Array(32) }),
        "Bearer nonsense",
        "Basic dXNlcjpwYXNz",
      ]) {
        const shown = arrivalAt(core, "plaintext", { authorization });
        await refusalOf(admissionOf(core).admit(shown), "admission.token_exposed");
      }
      assert.equal(await stateOf(core, token.tokenId), "open");
    }));

  it("at tls is looked at", () =>
    withCore(async (core) => {
      const authorization = bearer(await makeToken(core));
      const caller = await admissionOf(core).admit(arrivalAt(core, "tls", { authorization }));
      assert.equal(caller.kind, "token");
    }));
});

describe("a proof of identity", () => {
  for (const level of BOUND) {
    it(`at ${level} makes its maker the agent, with certificate and name in the evidence`, () =>
      withCore(async (core) => {
        const joined = await joinNew(core);
        const proof = proofFor(proverOf(joined), { level });
        const key = level === "tls" ? undefined : liveKey("default");
        const caller = await admissionOf(core).admit(arrivalAt(core, level, { proof, key }));
        assert.ok(caller.kind === "agent");
        assert.equal(caller.agent.id, joined.id);
        const { clientProven, peerId, peerSerial } = caller.evidence;
        assert.equal(clientProven, true);
        assert.equal(peerId, `spiffe://default.fleet.test/agent/${joined.id}`);
        assert.equal(peerSerial, serialOf(joined.enrolled.clientCertificate));
      }));
  }

  it("at plaintext is made over a number of central's, and says who began the link and no more", () =>
    withCore(async (core) => {
      const joined = await joinNew(core);
      const arrival = arrivalAt(core, "plaintext");
      const binding = await challenged(core, arrival);
      const proof = proofFor(proverOf(joined), { level: "plaintext", binding });
      const admission = admissionOf(core);
      for (const _time of ["first request", "second request of the connection"]) {
        const caller = await admission.admit({ ...arrival, proof });
        assert.ok(caller.kind === "agent");
        assert.equal(caller.evidence.clientProven, false);
        assert.equal(caller.evidence.peerSerial, serialOf(joined.enrolled.clientCertificate));
      }
    }));

  it("F16: at plaintext is worth nothing on another connection, late, or under a number used already", () =>
    withCore(async (core) => {
      const prover = proverOf(await joinNew(core));
      const admission = admissionOf(core);
      const arrival = arrivalAt(core, "plaintext");
      const made = async (): Promise<string> => {
        const binding = await challenged(core, arrival);
        return proofFor(prover, { level: "plaintext", binding });
      };
      const refusedOn = (connection: Arrival, proof: string) =>
        refusalOf(admission.admit({ ...connection, proof }), "admission.proof_challenged");
      const other = { ...arrival, challenge: challengeOf(new PassThrough(), core.clock.now) };
      await challenged(core, other);
      const proof = await made();
      await refusalOf(admission.admit({ ...other, proof }), "admission.proof_refused");
      // Its number is used up by that.
      await refusalOf(admission.admit({ ...other, proof }), "admission.proof_refused");
      await refusedOn(other, proofFor(prover, { level: "plaintext" }));
      assert.equal((await admission.admit({ ...arrival, proof })).kind, "agent");
      await refusedOn(arrival, proofFor(prover, { level: "plaintext" }));
      const late = await made();
      core.clock.advance(60_000);
      await refusedOn(arrival, late);
    }));

  const refusals: readonly [
    string,
    ErrorCode,
    (prover: Prover) => string,
    ((core: Core) => Partial<Arrival>)?,
  ][] = [
    [
      "F16: replayed on another connection",
      "admission.proof_refused",
      (prover) => proofFor(prover),
      () => ({ binding: () => Buffer.alloc(32, 10) }),
    ],
    [
      "A23: that central made, come back",
      "admission.proof_refused",
      (prover) => proofFor(prover, { role: "central" }),
    ],
    [
      "made for another level",
      "admission.proof_refused",
      (prover) => proofFor(prover, { level: "advanced" }),
    ],
    [
      "made for another trust domain",
      "admission.proof_refused",
      (prover) => proofFor(prover, { trustDomain: "other.test" }),
    ],
    [
      "in another agent's name",
      "admission.proof_refused",
      (prover) => proofFor(prover, { agentId: makeJoiner().id }),
    ],
    [
      "by another key than the certificate's",
      "admission.proof_refused",
      (prover) => proofFor({ ...prover, key: createKeyPair("p256") }),
    ],
    [
      "on a link that has nothing to bind it to",
      "admission.proof_refused",
      (prover) => proofFor(prover),
      () => ({ binding: () => undefined }),
    ],
    ["that is none", "pki.proof_malformed", () => "challenge"],
    [
      "over a key of another namespace",
      "admission.proof_refused",
      (prover) => proofFor(prover),
      () => ({ key: liveKey("shop") }),
    ],
    [
      "over a key that another agent was given",
      "admission.key_not_yours",
      (prover) => proofFor(prover),
      () => ({ key: liveKey("default", makeJoiner().id) }),
    ],
  ];
  for (const [title, code, make, shown = () => ({})] of refusals) {
    it(`${title} is refused`, () =>
      withCore(async (core) => {
        const proof = make(proverOf(await joinNew(core)));
        const arrival = arrivalAt(core, "basic", { proof, ...shown(core) });
        await refusalOf(admissionOf(core).admit(arrival), code);
      }));
  }

  it("is judged by the record as a certificate of the handshake is: revoked, quarantined, unknown", () =>
    withCore(async (core) => {
      const admission = admissionOf(core);
      const refusedAs = (prover: Prover, code: ErrorCode) =>
        refusalOf(admission.admit(arrivalAt(core, "basic", { proof: proofFor(prover) })), code);
      const revoked = proverOf(await joinNew(core));
      await core.agents.revoke(revoked.id, "operator:local");
      await refusedAs(revoked, "admission.agent_revoked");
      const held = await joinNew(core);
      await core.agents.activate(held.id);
      await core.life.quarantine(held.id, "operator:local");
      await refusedAs(proverOf(held), "admission.agent_quarantined");
      const { id, client } = makeJoiner();
      const { certificate } = core.authority.issueAgentLeaf({
        namespace: "default",
        agentId: id,
        publicKey: client.publicKey,
        purpose: "client",
      });
      await refusedAs({ id, key: client, certificate }, "admission.agent_unknown");
      const joined = await joinNew(core);
      const server = joined.enrolled.serverCertificate;
      const asServer = { id: joined.id, key: joined.server, certificate: server };
      await refusedAs(asServer, "pki.chain_wrong_purpose");
    }));

  it("A14: of another namespace's authority is refused", () =>
    withCore(async (core) => {
      await core.namespaces.create("shop", "operator:local");
      const joined = await joinNew(core);
      const { certificate } = core.authority.issueAgentLeaf({
        namespace: "shop",
        agentId: joined.id,
        publicKey: joined.client.publicKey,
        purpose: "client",
      });
      const proof = proofFor({ ...proverOf(joined), certificate });
      const arrival = arrivalAt(core, "basic", { proof });
      await refusalOf(admissionOf(core).admit(arrival), "admission.agent_unknown");
    }));

  it("F5: whose certificate has ended may renew where the link is bound to it, and nothing on plaintext", () =>
    withCore(async (core) => {
      const joined = await joinNew(core);
      await core.agents.activate(joined.id);
      const admission = admissionOf(core);
      const come = async (level: Level) => {
        const arrival = arrivalAt(core, level);
        const binding = level === "plaintext" ? await challenged(core, arrival) : undefined;
        const said = { level, ...(binding && { binding }) };
        return admission.admit({ ...arrival, proof: proofFor(proverOf(joined), said) });
      };
      core.clock.advance(DAY_MS + 1_000);
      for (const level of BOUND) {
        const caller = await come(level);
        assert.ok(caller.kind === "lapsed");
        assert.equal(caller.agentId, joined.id);
        assert.equal(caller.isLate, false);
      }
      await refusalOf(come("plaintext"), "pki.chain_expired");
      core.clock.advance(GRACE_MS);
      const late = await come("basic");
      assert.ok(late.kind === "lapsed" && late.isLate);
    }));
});
