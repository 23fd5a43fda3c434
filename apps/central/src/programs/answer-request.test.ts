import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { certificatesFromPem, createCsr, createKeyPair, serialOf } from "@tautline/pki";
import {
  CAPABILITY_CERTIFICATE,
  type CertificateUse,
  customMessage,
  decodeFileCertificateAnswer,
  encodeFileCertificateRequest,
  type ServerToAgent,
} from "@tautline/protocol";
import { createAgentSession } from "../control/agent-session.ts";
import { joinedCaller, messageOf } from "../control/fixture-messages.test.ts";
import { programsOf, sessionDepsOf } from "../control/fixture-sessions.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, withCore } from "../fixture-core.test.ts";

const ACTOR = "operator:ana";

function asking(names: readonly string[], use: CertificateUse = "server") {
  const csrPem = createCsr(createKeyPair("p256").privateKey);
  const data = encodeFileCertificateRequest({ label: "web", names, use, csrPem });
  return { customMessage: customMessage(CAPABILITY_CERTIFICATE, "request", data) };
}

function answerIn({ customMessage: custom }: ServerToAgent) {
  assert.deepEqual([custom?.capability, custom?.type], [CAPABILITY_CERTIFICATE, "answer"]);
  return decodeFileCertificateAnswer(custom?.data ?? new Uint8Array());
}

describe("an agent that asks for a program's certificate", () => {
  it("is given it over its own link, and central's record says whose it is", () =>
    withCore(async (core) => {
      const caller = await joinedCaller(core);
      const { names } = programsOf(core);
      await names.allow({
        namespace: "default",
        names: ["a.example.org"],
        use: "server",
        actor: ACTOR,
      });
      const session = createAgentSession(sessionDepsOf(core), caller);
      const answer = answerIn(
        await session.receive(messageOf(caller.agent.id, 1, asking(["a.example.org"]))),
      );
      const [leaf] = certificatesFromPem(answer.chainPem);
      assert.ok(leaf);
      const row = await core.store.read((db) =>
        db
          .selectFrom("certificates")
          .selectAll()
          .where("serial", "=", serialOf(leaf))
          .executeTakeFirstOrThrow(),
      );
      assert.deepEqual(
        [row.agent_id, row.program_agent, row.program_namespace, row.name],
        [null, caller.agent.id, "default", "a.example.org"],
      );
    }));

  it("A12: is told why there is none and what to do, which is audited once a session", () =>
    withCore(async (core) => {
      const caller = await joinedCaller(core);
      const session = createAgentSession(sessionDepsOf(core), caller);
      const ask = async (number: number, name: string) =>
        answerIn(await session.receive(messageOf(caller.agent.id, number, asking([name]))));
      const first = await ask(1, "a.example.org");
      assert.equal(first.code, "certificate.name_not_allowed");
      assert.match(first.text, /tautline certs allow --name a\.example\.org/);
      await ask(2, "a.example.org");
      assert.equal((await ask(3, "central.example.org")).code, "certificate.name_taken");
      const refusals = (await actionsOf(core)).filter((each) => each === "certificate.refused");
      assert.equal(refusals.length, 2);
    }));

  it("A1: is refused over a link that its proof is not bound to", () =>
    withCore(async (core) => {
      const joined = await joinedCaller(core);
      const evidence = { ...joined.evidence, level: "plaintext" as const, clientProven: false };
      const session = createAgentSession(sessionDepsOf(core), { ...joined, evidence });
      const message = messageOf(joined.agent.id, 1, asking(["a.example.org"]));
      await refusalOf(session.receive(message), "admission.link_unbound");
    }));

  it("ends the message like any other where it cannot be read", () =>
    withCore(async (core) => {
      const caller = await joinedCaller(core);
      const session = createAgentSession(sessionDepsOf(core), caller);
      const torn = customMessage(CAPABILITY_CERTIFICATE, "request", Uint8Array.of(255));
      const message = messageOf(caller.agent.id, 1, { customMessage: torn });
      await refusalOf(session.receive(message), "certificate.message_malformed");
    }));
});
