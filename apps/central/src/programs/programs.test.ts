import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { createKeyPair, createCsr, certificatesFromPem, verifyChain } from "@tautline/pki";
import { makeAgentId } from "@tautline/protocol";
import { createSeededRandom } from "@tautline/testing";
import { createCertificateCatalogue } from "../authority/certificate-catalogue.ts";
import { createAgentJudge } from "../authority/agent-judge.ts";
import { programsOf } from "../control/fixture-sessions.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, joinNew, LIFETIMES, withCore } from "../fixture-core.test.ts";
import { MOST_KEPT } from "./program-issuer.ts";
import type { Programs } from "./programs.ts";

const ACTOR = "operator:ana";
const NAMES = ["db.example.org", "10.0.0.5"];
const DAY_MS = 86_400_000;

const freshCsr = (): string => createCsr(createKeyPair("p256").privateKey);
const orderOf = (part: object = {}) => ({
  names: NAMES,
  use: "server" as const,
  csrPem: freshCsr(),
  namespace: "",
  lifetimeMs: DAY_MS,
  wildcard: false,
  actor: ACTOR,
  ...part,
});

function withPrograms(use: (programs: Programs, core: Core) => Promise<void>): Promise<void> {
  return withCore(async (core) => use(programsOf(core), core));
}

const allowed = { namespace: "default", names: NAMES, use: "server" as const, actor: ACTOR };

describe("a certificate that an operator has made", () => {
  it("names the hosts, and nobody of the fleet; it is on record and in the trail", () =>
    withPrograms(async ({ issuer }, core) => {
      const made = await issuer.issueForOperator(orderOf());
      const [leaf, intermediate] = certificatesFromPem(made.chainPem);
      assert.ok(leaf && intermediate);
      assert.equal(leaf.subjectAltName, "DNS:db.example.org, IP Address:10.0.0.5");
      assert.equal(leaf.subject, "CN=db.example.org");
      assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
      assert.equal(intermediate.fingerprint256, core.authority.servicesIntermediate.fingerprint256);
      const verdict = verifyChain({
        leaf,
        intermediates: [intermediate],
        roots: certificatesFromPem(made.rootsPem),
        at: new Date(core.clock.now()),
        purpose: "server",
        expect: { dnsName: "db.example.org", ipAddress: "10.0.0.5" },
      });
      assert.ok(verdict.ok);
      assert.equal(verdict.spiffeId, null);
      assert.equal(leaf.validToDate.getTime(), core.clock.now() + DAY_MS);
      const [listed] = await createCertificateCatalogue(core.store).list();
      const { chainPem: _chain, rootsPem: _roots, ...view } = made;
      assert.deepEqual(listed, view);
      assert.deepEqual(
        { name: view.name, agent: view.agent, program: view.program, renewal: view.renewal },
        { name: "db.example.org, 10.0.0.5", agent: null, program: true, renewal: null },
      );
      assert.ok((await actionsOf(core)).includes("certificate.issued"));
    }));

  it("A16: for both uses or for one says exactly that", () =>
    withPrograms(async ({ issuer }) => {
      const uses = async (use: "client" | "server" | "both") =>
        new X509Certificate((await issuer.issueForOperator(orderOf({ use }))).chainPem).keyUsage;
      const [server, client] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
      assert.deepEqual(await uses("client"), [client]);
      assert.deepEqual(await uses("server"), [server]);
      assert.deepEqual(await uses("both"), [server, client]);
    }));

  it("A3, A16: for both uses it opens no link as an agent", () =>
    withPrograms(async ({ issuer }, core) => {
      const made = await issuer.issueForOperator(orderOf({ use: "both" }));
      const [leaf, ...intermediates] = certificatesFromPem(made.chainPem);
      assert.ok(leaf);
      const judge = createAgentJudge(core.authority, core.clock.now);
      const verdict = judge(leaf, intermediates);
      assert.equal("refuse" in verdict && verdict.refuse.code, "pki.chain_wrong_name");
    }));

  it("of a namespace has only names that are allowed there for that use", () =>
    withPrograms(async ({ issuer, names }) => {
      const order = orderOf({ namespace: "default" });
      await refusalOf(issuer.issueForOperator(order), "certificate.name_not_allowed");
      await names.allow(allowed);
      assert.equal((await issuer.issueForOperator(order)).namespace, "default");
      const asClient = orderOf({ namespace: "default", use: "client" });
      await refusalOf(issuer.issueForOperator(asClient), "certificate.name_not_allowed");
      await refusalOf(issuer.issueForOperator(orderOf({ namespace: "lab" })), "api.not_found");
    }));

  it("A17: is never made a second time for one key", () =>
    withPrograms(async ({ issuer }) => {
      const order = orderOf();
      await issuer.issueForOperator(order);
      await refusalOf(issuer.issueForOperator(order), "enrolment.key_taken");
    }));

  it("A12: takes nothing from the request but its key, and no name of central's", () =>
    withPrograms(async ({ issuer }) => {
      const named = createCsr(createKeyPair("p256").privateKey, "db.example.org");
      await refusalOf(issuer.issueForOperator(orderOf({ csrPem: named })), "pki.csr_not_permitted");
      const own = orderOf({ names: ["central.example.org"] });
      await refusalOf(issuer.issueForOperator(own), "certificate.name_taken");
      const many = orderOf({ names: ["*.lab.example.org"] });
      await refusalOf(issuer.issueForOperator(many), "certificate.wildcard_unasked");
      const meant = await issuer.issueForOperator(orderOf({ ...many, wildcard: true }));
      assert.equal(meant.name, "*.lab.example.org");
    }));
});

describe("a certificate that an agent keeps", () => {
  it("has names allowed to its namespace or to it alone, and the life that central's settings say", () =>
    withPrograms(async ({ issuer, names }, core) => {
      const { id } = await joinNew(core);
      const order = () => ({
        agentId: id,
        names: NAMES,
        use: "server" as const,
        csrPem: freshCsr(),
      });
      await refusalOf(issuer.issueForAgent(order()), "certificate.name_not_allowed");
      await names.allow({ ...allowed, names: ["db.example.org"] });
      const half = await refusalOf(issuer.issueForAgent(order()), "certificate.name_not_allowed");
      assert.equal(half.detail["name"], "10.0.0.5");
      await names.allow({ ...allowed, names: ["10.0.0.5"], agentId: id });
      const made = await issuer.issueForAgent(order());
      assert.deepEqual([made.agent, made.namespace, made.program], [id, "default", true]);
      const end = core.clock.now() + LIFETIMES.fileLifetime;
      assert.equal(new X509Certificate(made.chainPem).validToDate.getTime(), end);
    }));

  it("of another namespace, or of another agent alone, is not had", () =>
    withPrograms(async ({ issuer, names }, core) => {
      const { id } = await joinNew(core);
      await core.namespaces.create("lab", ACTOR);
      await names.allow({ ...allowed, namespace: "lab" });
      const { randomBytes } = createSeededRandom("programs");
      const other = makeAgentId(core.clock.now(), randomBytes(10));
      await names.allow({ ...allowed, agentId: other });
      const order = { agentId: id, names: NAMES, use: "server" as const, csrPem: freshCsr() };
      await refusalOf(issuer.issueForAgent(order), "certificate.name_not_allowed");
    }));

  it("F3: asked for again with the same key is the same, and nothing is issued", () =>
    withPrograms(async ({ issuer, names }, core) => {
      const { id } = await joinNew(core);
      await names.allow({ ...allowed, use: "both" });
      const order = { agentId: id, names: NAMES, use: "server" as const, csrPem: freshCsr() };
      const [one, again] = [await issuer.issueForAgent(order), await issuer.issueForAgent(order)];
      assert.deepEqual(again, one);
      const asClient = issuer.issueForAgent({ ...order, use: "client" });
      await refusalOf(asClient, "enrolment.key_taken");
    }));

  it("A17: ends with its agent, and goes on the list of the authority that signed it", () =>
    withPrograms(async ({ issuer, names }, core) => {
      const { id } = await joinNew(core);
      await names.allow(allowed);
      const order = { agentId: id, names: NAMES, use: "server" as const, csrPem: freshCsr() };
      const { serial } = await issuer.issueForAgent(order);
      await core.agents.revoke(id, ACTOR);
      const { revokedAt } = await createCertificateCatalogue(core.store).get(serial);
      assert.equal(revokedAt, new Date(core.clock.now()).toISOString());
      await refusalOf(issuer.issueForAgent(order), "admission.agent_revoked");
    }));

  it("is refused beyond the most that one agent may have", () =>
    withPrograms(async ({ issuer, names }, core) => {
      const { id } = await joinNew(core);
      await names.allow(allowed);
      const order = () => ({
        agentId: id,
        names: NAMES,
        use: "server" as const,
        csrPem: freshCsr(),
      });
      for (let made = 0; made < MOST_KEPT; made += 1) await issuer.issueForAgent(order());
      await refusalOf(issuer.issueForAgent(order()), "certificate.too_many");
      core.clock.advance(LIFETIMES.fileLifetime);
      await issuer.issueForAgent(order());
    }));
});

describe("names that agents may have", () => {
  it("are listed, taken back one by one, and audited", () =>
    withPrograms(async ({ names }, core) => {
      const made = await names.allow(allowed);
      assert.deepEqual(
        await names.list(),
        made.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
      );
      await refusalOf(names.allow(allowed), "api.conflict");
      const place = { namespace: "default", name: "10.0.0.5", actor: ACTOR };
      await names.deny(place);
      await refusalOf(names.deny(place), "api.not_found");
      assert.deepEqual(
        (await names.list()).map(({ name }) => name),
        ["db.example.org"],
      );
      const actions = (await actionsOf(core)).filter((each) => each.includes("name"));
      assert.deepEqual(actions.slice(-2), ["certificate.names_allowed", "certificate.name_denied"]);
    }));

  it("are all allowed or none, and never central's", () =>
    withPrograms(async ({ names }) => {
      const own = names.allow({ ...allowed, names: ["db.example.org", "central.example.org"] });
      await refusalOf(own, "certificate.name_taken");
      await refusalOf(names.allow({ ...allowed, namespace: "none" }), "api.not_found");
      assert.deepEqual(await names.list(), []);
    }));
});
