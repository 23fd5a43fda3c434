import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SpiffeId } from "@tautline/protocol";
import { judgeCaller, type CallerRecord } from "./admission-rule.ts";

const id = "0190a000-0000-7000-8000-000000000001";
const other = "0190a000-0000-7000-8000-000000000002";
const who: SpiffeId = {
  kind: "agent",
  trustDomain: "fleet.test",
  namespace: "default",
  agentId: id,
};
const certificate = { agentId: id, revoked: false, purpose: "client" } as const;
const agent = { namespace: "default", state: "active" } as const;

const rows: { name: string; who: SpiffeId; record: CallerRecord; code: string | undefined }[] = [
  {
    name: "an active agent with its recorded certificate may",
    who,
    record: { agent, certificate },
    code: undefined,
  },
  {
    name: "an agent whose first message is still to come may",
    who,
    record: { agent: { ...agent, state: "joining" }, certificate },
    code: undefined,
  },
  {
    name: "A6: central's own certificate is no agent",
    who: { kind: "central", trustDomain: "fleet.test" },
    record: { agent, certificate },
    code: "admission.not_an_agent",
  },
  {
    name: "A6: a certificate of our authority without a registered agent opens nothing",
    who,
    record: { certificate },
    code: "admission.agent_unknown",
  },
  {
    name: "A6: an agent of another namespace is unknown in this one",
    who: { ...who, namespace: "plant" },
    record: { agent, certificate },
    code: "admission.agent_unknown",
  },
  {
    name: "A6: a revoked agent is refused",
    who,
    record: { agent: { ...agent, state: "revoked" }, certificate },
    code: "admission.agent_revoked",
  },
  {
    name: "F2: a certificate that was issued but never recorded is refused",
    who,
    record: { agent },
    code: "admission.certificate_unknown",
  },
  {
    name: "a certificate recorded for another agent is refused",
    who,
    record: { agent, certificate: { ...certificate, agentId: other } },
    code: "admission.certificate_unknown",
  },
  {
    name: "A16: an agent's server certificate does not open a control link",
    who,
    record: { agent, certificate: { ...certificate, purpose: "server" } },
    code: "admission.certificate_unknown",
  },
  {
    name: "a revoked certificate of an active agent is refused",
    who,
    record: { agent, certificate: { ...certificate, revoked: true } },
    code: "admission.certificate_revoked",
  },
  {
    name: "F25: a replaced identity of an agent that seems to exist twice is refused",
    who,
    record: { agent, certificate: { ...certificate, isSuspect: true } },
    code: "admission.identity_replaced",
  },
];

describe("judgeCaller", () => {
  for (const row of rows) {
    it(row.name, () => {
      assert.equal(judgeCaller(row.who, row.record)?.code, row.code);
    });
  }
});
