import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { certificatesFromPem, spkiPin } from "@tautline/pki";
import {
  CAPABILITY_ENROLMENT,
  decodeEnrolmentGrant,
  decodeServerToAgent,
  encodeServerToAgent,
  type JoinToken,
  LIMITS,
  type ServerToAgent,
} from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  type Core,
  herdOf,
  makeJoiner,
  makeToken,
  withCore,
} from "../fixture-core.test.ts";
import {
  joinMessage,
  messageOf,
  type MessageFields,
  tokenCaller,
} from "./fixture-messages.test.ts";
import { createJoinSession } from "./join-session.ts";
import type { Session } from "./session.ts";

const ADDRESSES = ["central.test:9150", "192.0.2.1:9150"];

async function begin(core: Core, token: JoinToken): Promise<Session> {
  const { store, tokens, authority, audit, instructor, metrics, clock } = core;
  const enrolment = { store, tokens, authority, audit, now: clock.now };
  const grant = { authority, instructor, addresses: () => ADDRESSES };
  const queue = herdOf(core).enrolments;
  return createJoinSession({ enrolment, grant, metrics, queue }, await tokenCaller(core, token));
}

const withSession = (
  use: (ground: { core: Core; session: Session; token: JoinToken }) => Promise<void>,
): Promise<void> =>
  withCore(async (core) => {
    const token = await makeToken(core);
    await use({ core, token, session: await begin(core, token) });
  });

const onWire = (answer: ServerToAgent): ServerToAgent =>
  decodeServerToAgent(encodeServerToAgent(answer), LIMITS.opampMessageBytes.value);

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("utf8");

const csr = (bytes: Uint8Array): MessageFields => ({
  connectionSettingsRequest: { opamp: { certificateRequest: { csr: bytes } } },
});

describe("a joining session", () => {
  it("grants an identity: client leaf as OpAMP's offer, server leaf, root and instructor's key beside it", () =>
    withSession(async ({ core, session }) => {
      const joiner = makeJoiner("web-1");
      const answer = onWire(await session.receive(joinMessage(joiner.request)));
      const offer = answer.connectionSettings?.opamp;
      assert.equal(offer?.destinationEndpoint, `wss://${ADDRESSES[0]}/v1/opamp`);
      const [leaf, intermediate] = certificatesFromPem(text(offer?.certificate?.cert));
      assert.ok(leaf !== undefined && spkiPin(leaf).equals(spkiPin(joiner.client.publicKey)));
      assert.equal(
        intermediate?.fingerprint256,
        core.authority.agentIntermediate("default").fingerprint256,
      );
      assert.equal(text(offer?.certificate?.privateKey), "");
      const custom = answer.customMessage;
      assert.deepEqual([custom?.capability, custom?.type], [CAPABILITY_ENROLMENT, "grant"]);
      const grant = decodeEnrolmentGrant(custom?.data ?? new Uint8Array());
      assert.deepEqual(grant.addresses, ADDRESSES);
      assert.equal(grant.instructorKeyPem, core.instructor.publicKeyPem);
      assert.equal(grant.rootsPem, text(offer?.certificate?.caCert));
      const [serverLeaf] = certificatesFromPem(grant.serverChainPem);
      assert.ok(serverLeaf !== undefined);
      assert.ok(spkiPin(serverLeaf).equals(spkiPin(joiner.server.publicKey)));
      assert.deepEqual([grant.name, grant.namespace], ["web-1", "default"]);
      assert.equal(session.agentId, joiner.id);
    }));

  it("F3: asked again it grants the same", () =>
    withSession(async ({ core, session, token }) => {
      const { request } = makeJoiner();
      const first = await session.receive(joinMessage(request));
      const again = await (await begin(core, token)).receive(joinMessage(request));
      assert.deepEqual(onWire(again).connectionSettings, onWire(first).connectionSettings);
    }));

  it("knows its agent's id from the first message on, refused or not, so that a refusal can be addressed", () =>
    withSession(async ({ core, session, token }) => {
      assert.equal(session.agentId, undefined);
      await core.tokens.revoke(token.tokenId, "operator:local");
      const { id, request } = makeJoiner();
      await refusalOf(session.receive(joinMessage(request)), "enrolment.token_revoked");
      assert.equal(session.agentId, id);
    }));

  it("ends at a good-bye, which joins nobody", () =>
    withSession(async ({ core, session }) => {
      const { id } = makeJoiner();
      await session.receive(messageOf(id, 0, { agentDisconnect: {} }));
      assert.equal(session.isEnded(), true);
      assert.deepEqual(await core.agents.list(), []);
    }));

  it("has nothing to push: settings are for who is proven", () =>
    withSession(async ({ core, session }) => {
      const setting = { namespace: "", key: "agents.logLevel", value: "debug" };
      await core.settings.put(setting, "operator:local");
      assert.equal(await session.push(), undefined);
    }));

  it("counts joins by their outcome", () =>
    withSession(async ({ core, session }) => {
      await session.receive(joinMessage(makeJoiner().request));
      await refusalOf(session.receive(joinMessage(makeJoiner().request)));
      const { values } = await core.metrics.enrolments.get();
      assert.deepEqual(
        values.map(({ labels, value }) => `${labels.outcome} ${value}`),
        ["joined 1", "waiting 0", "refused 1"],
      );
    }));

  it("RS-26: a candidate that waits is answered and counted as waiting, and not audited as refused", () =>
    withCore(async (core) => {
      const session = await begin(core, await makeToken(core, { approve: true }));
      const joiner = makeJoiner();
      const answer = await session.receive(joinMessage(joiner.request));
      assert.match(answer.errorResponse?.errorMessage ?? "", /^enrolment\.approval_pending: /);
      assert.equal((await core.agents.page(joiner.id)).attributes["service.version"], "1.2.3");
      const { values } = await core.metrics.enrolments.get();
      const waiting = values.find(({ labels }) => labels.outcome === "waiting");
      assert.equal(waiting?.value, 1);
      assert.equal((await actionsOf(core)).at(-1), "agent.pending");
    }));
});

describe("a joining session refuses", () => {
  const request = { capability: CAPABILITY_ENROLMENT, type: "request", data: Buffer.from("x") };
  const cases: { name: string; code: string; fields: MessageFields }[] = [
    { name: "a status without a request", code: "enrolment.request_malformed", fields: {} },
    {
      name: "a request of another capability",
      code: "enrolment.request_malformed",
      fields: { customMessage: { ...request, capability: "io.other" } },
    },
    {
      name: "a grant in place of a request",
      code: "enrolment.request_malformed",
      fields: { customMessage: { ...request, type: "grant" } },
    },
    {
      name: "a request that cannot be read",
      code: "enrolment.request_malformed",
      fields: { customMessage: request, ...csr(Buffer.from("x")) },
    },
    {
      name: "a request without an OpAMP certificate request",
      code: "enrolment.request_malformed",
      fields: { customMessage: request },
    },
    {
      name: "an id that is none",
      code: "opamp.malformed",
      fields: { instanceUid: Buffer.alloc(3) },
    },
  ];
  for (const { name, code, fields } of cases) {
    it(name, () =>
      withSession(async ({ core, session }) => {
        const work = session.receive(messageOf(makeJoiner().id, 0, fields));
        assert.equal((await refusalOf(work)).code, code);
        assert.deepEqual(await core.agents.list(), []);
      }),
    );
  }

  it("a certificate request a byte over its limit, and one that is no text", () =>
    withSession(async ({ session }) => {
      const { request: order } = makeJoiner();
      const at = (bytes: Uint8Array): Uint8Array => {
        const sent = joinMessage({ ...order, clientCsrPem: "A".repeat(bytes.length) });
        return Buffer.from(
          Buffer.from(sent)
            .toString("latin1")
            .replace("A".repeat(bytes.length), Buffer.from(bytes).toString("latin1")),
          "latin1",
        );
      };
      const over = new Uint8Array(LIMITS.csrBytes.value + 1).fill(0x41);
      const tooLong = await refusalOf(session.receive(at(over)), "enrolment.request_malformed");
      assert.match(tooLong.message, /16385 bytes/);
      const noText = await refusalOf(session.receive(at(Uint8Array.of(0xff, 0xfe))));
      assert.match(noText.message, /not PEM text/);
      await refusalOf(session.receive(at(over.subarray(1))), "pki.csr_malformed");
    }));

  it("A27: a name that is none, in words that the joining host can show", () =>
    withSession(async ({ core, session }) => {
      const sent = Buffer.from(joinMessage(makeJoiner("plain-name").request)).toString("latin1");
      for (const name of ["plain\nname", "plain\u001bname", "plain-nam ", "plain\0name"]) {
        const bytes = Buffer.from(sent.replace("plain-name", name), "latin1");
        const refusal = await refusalOf(session.receive(bytes), "enrolment.request_malformed");
        assert.match(refusal.message, /name is not a label/);
        assert.equal(/[\p{Cc}\p{Cf}]/u.test(refusal.message + refusal.remedy), false);
      }
      assert.deepEqual(await core.agents.list(), []);
    }));

  it("a message over the limit for callers who have not proved who they are", () =>
    withSession(async ({ session }) => {
      const bytes = new Uint8Array(LIMITS.opampUnprovenMessageBytes.value + 1);
      await refusalOf(session.receive(bytes), "opamp.too_large");
    }));
});
