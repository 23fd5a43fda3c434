import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { createFakeTransport, type FakeTransport } from "../../test/fake-transport.ts";
import { AGENT_VERSION } from "../version.ts";
import { createPeerOffers } from "./peer-offers.ts";
import type { OpenTransport, TransportEvents } from "./transport.ts";

const address = "central.example:9150";

interface Scene {
  readonly sent: Readonly<Record<string, string>>[];
  readonly closed: (TautlineError | undefined)[];
  readonly options: Parameters<OpenTransport>[0];
}

function makeScene(): Scene {
  const closed: (TautlineError | undefined)[] = [];
  return {
    sent: [],
    closed,
    options: {
      address,
      dial: () => Promise.reject(new Error("nothing is dialled here")),
      signal: new AbortController().signal,
      events: { onMessage: () => {}, onClosed: (error) => void closed.push(error) },
    },
  };
}

/** A transport whose every request is answered with these headers, and ends as told. */
const answering =
  (
    { sent }: Scene,
    headers: Readonly<Record<string, string>>,
    end: (events: TransportEvents) => FakeTransport,
  ): OpenTransport =>
  ({ askTime, events }) => {
    const question = askTime?.();
    sent.push(question?.headers ?? {});
    question?.answered(headers);
    try {
      return Promise.resolve(end(events));
    } catch (error) {
      return Promise.reject(toTautlineError(error));
    }
  };

const refusedFor = (status: number): TautlineError =>
  new TautlineError("link.refused", {
    detail: { address, status, code: "policy.level", text: "Plaintext is closed.", remedy: "x" },
  });

const throwing = (error: TautlineError) => (): FakeTransport => {
  throw error;
};

const CENTRAL = { "tautline-offer": "0.2.0; levels=tls,mtls" };

test("every request says what this agent is, beside what is asked of the time", async () => {
  const scene = makeScene();
  const offers = createPeerOffers();
  const heard: unknown[] = [];
  const askTime = () => ({
    headers: { "tautline-time": "now" },
    answered: (headers: unknown) => void heard.push(headers),
  });
  const open = answering(scene, CENTRAL, createFakeTransport);
  await offers.over(open, "mtls")({ ...scene.options, askTime });
  assert.deepEqual(scene.sent, [
    { "tautline-time": "now", "tautline-offer": `${AGENT_VERSION}; levels=mtls` },
  ]);
  assert.deepEqual(heard, [CENTRAL]);
  assert.deepEqual(offers.central, { version: "0.2.0", levels: ["tls", "mtls"] });
});

test("what central said stays known while it says nothing readable", async () => {
  const scene = makeScene();
  const offers = createPeerOffers();
  for (const headers of [CENTRAL, {}, { "tautline-offer": "\u001B[2J" }]) {
    await offers.over(answering(scene, headers, createFakeTransport), "mtls")(scene.options);
    assert.equal(offers.central?.version, "0.2.0");
  }
});

test("OVP-1: a refusal of the level names both offers and the setting to change at each end", async () => {
  const scene = makeScene();
  const open = answering(scene, CENTRAL, throwing(refusedFor(426)));
  const error = await createPeerOffers()
    .over(
      open,
      "plaintext",
    )(scene.options)
    .catch((reason: unknown) => toTautlineError(reason));
  assert.ok(error instanceof TautlineError);
  assert.equal(error.code, "agent.level_refused");
  assert.equal(
    error.message,
    "central.example:9150 does not accept this agent's level 'plaintext': Plaintext is closed. (policy.level) " +
      `The agent (version ${AGENT_VERSION}) offers plaintext, central (version 0.2.0) offers tls, mtls: no level in common.`,
  );
  assert.match(error.remedy, /central\.level to tls or mtls .*plaintext\.bind in central\.yaml/);
});

test("OVP-1: where another port takes the level, central's offer is told as it is", async () => {
  const scene = makeScene();
  const open = answering(scene, CENTRAL, throwing(refusedFor(426)));
  const error = await createPeerOffers()
    .over(
      open,
      "tls",
    )(scene.options)
    .catch((reason: unknown) => toTautlineError(reason));
  assert.ok(error instanceof TautlineError);
  assert.match(error.message, /offers tls; central .*offers tls, mtls\./);
});

test("OVP-1: also where the refusal comes later, or central says nothing of itself", async () => {
  const scene = makeScene();
  const refusal = new TautlineError("link.level_refused", {
    detail: { address, code: "policy.level", text: "Not basic.", remedy: "Take tls." },
  });
  const open = answering(scene, {}, (events) => {
    const transport = createFakeTransport(events, address);
    transport.break(refusal);
    return transport;
  });
  await createPeerOffers().over(open, "basic")(scene.options);
  const [error] = scene.closed;
  assert.equal(error?.code, "agent.level_refused");
  assert.match(error.message, /Not basic.*offers basic; central did not tell its version/);
  assert.match(error.remedy, /^Take tls\. 'central\.level' in agent\.yaml/);
});

test("OVP-1: an agent at tls that mtls is demanded of is told its own setting; where tls is accepted it is not about the level", async () => {
  const scene = makeScene();
  const code = "admission.certificate_needed";
  const detail = { address, status: 403, code, text: "Certificates only.", remedy: "Join." };
  const refusal = new TautlineError("link.refused", { detail });
  const hear = (offer: string): Promise<unknown> => {
    const open = answering(scene, { "tautline-offer": offer }, throwing(refusal));
    return createPeerOffers()
      .over(
        open,
        "tls",
      )(scene.options)
      .catch((reason: unknown) => reason);
  };
  const error = await hear("0.2.0; levels=mtls");
  assert.ok(error instanceof TautlineError);
  assert.equal(error.code, "agent.level_refused");
  assert.match(error.remedy, /^Set central\.level to mtls/);
  assert.equal(await hear("0.2.0; levels=tls,mtls"), refusal);
});

test("OVP-1: an alert of TLS names no level, so none is guessed, and doctor is named that finds out", async () => {
  const scene = makeScene();
  const detail = { address, code: "insufficient_security", text: "An alert.", remedy: "x" };
  const refusal = new TautlineError("link.level_refused", { cause: new Error("alert"), detail });
  const open = answering(scene, {}, throwing(refusal));
  const error = await createPeerOffers()
    .over(
      open,
      "advanced",
    )(scene.options)
    .catch((reason: unknown) => toTautlineError(reason));
  assert.ok(error instanceof TautlineError);
  assert.match(error.message, /offers advanced; central told neither its version nor its levels/);
  assert.match(error.remedy, /doctor --to central\.example:9150' .*central accept advanced/);
  assert.doesNotMatch(error.remedy, /mtls/);
});

test("what is not about the level stays what it is, so that it is tried again as before", async () => {
  const scene = makeScene();
  const others = [
    refusedFor(401),
    refusedFor(503),
    new TautlineError("link.unreachable", { detail: { address, reason: "x" } }),
    new TautlineError("central.stopping"),
  ];
  for (const other of others) {
    const open = answering(scene, CENTRAL, throwing(other));
    await assert.rejects(createPeerOffers().over(open, "basic")(scene.options), (e) => e === other);
  }
});
