import assert from "node:assert/strict";
import { connect as connectTls } from "node:tls";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { LEVELS, type LinkEvidence, type PeerOffer, readOffer } from "@tautline/protocol";
import {
  admin,
  bearer,
  callSecure,
  joinOver,
  newToken,
  openControl,
  poll,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { VERSION } from "../version.ts";
import { described, messageOf } from "./fixture-messages.test.ts";
import type { LiveLink } from "./live-links.ts";
import { createOffers } from "./offers.ts";

const linkOf = (id: string, agentId: string, offer?: PeerOffer): LiveLink => ({
  id,
  agentId,
  namespace: "default",
  transport: "websocket",
  remoteAddress: "192.0.2.1",
  evidence: { level: "plaintext" } as LinkEvidence,
  offer,
  push: () => Promise.resolve(),
  end: () => {},
});

describe("createOffers", () => {
  it("OV-2, OV-3: an agent that is too old for what central accepts is named with the version it needs", () => {
    const links = [
      linkOf("l-1", "a", { version: "4.48.2", levels: ["plaintext"] }),
      linkOf("l-2", "b", { version: VERSION, levels: ["mtls"] }),
      linkOf("l-3", "c", { version: "77.1", levels: [] }),
      linkOf("l-4", "d"),
    ];
    const offers = createOffers({ all: () => links }, () => ["plaintext", "basic", "advanced"]);
    const [ofLink, ofAgent] = [offers.ofLinks(), offers.ofAgents()];
    assert.deepEqual(ofLink("l-1"), {
      offers: { version: "4.48.2", levels: ["plaintext"] },
      upgrade: ">= 4.50",
    });
    assert.deepEqual(ofAgent("a"), ofLink("l-1"));
    // Of one nothing is wrong, of one nothing is known, one said nothing, and one has no link.
    for (const id of ["b", "c", "d", "e"]) assert.equal(ofAgent(id).upgrade, null, id);
    assert.deepEqual(ofAgent("d"), { offers: null, upgrade: null });
  });

  it("what central accepts is asked anew for each answer", () => {
    let accepted: readonly (typeof LEVELS)[number][] = ["mtls"];
    const offers = createOffers({ all: () => [] }, () => accepted);
    assert.equal(offers.header(), `${VERSION}; levels=mtls`);
    accepted = LEVELS;
    assert.deepEqual(readOffer(offers.header()), { version: VERSION, levels: LEVELS });
  });
});

/** What central answers to bytes that a stranger says inside TLS. */
async function say({ agentsPort: port }: TestCentral, request: string): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  socket.write(request);
  return (await buffer(socket)).toString("latin1");
}

const said = (answer: string): PeerOffer | undefined =>
  readOffer(/\r\ntautline-offer: ([^\r]+)\r\n/i.exec(answer)?.[1]);

describe("a running central", () => {
  it("OVP-1: says its version and levels with every answer of the agents' port, refusals and broken requests too", () =>
    withCentral(async (central) => {
      const upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
      for (const request of [
        `GET /v1/opamp HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
        `GET /elsewhere HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
        "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "NONE / HTTP\r\n\r\n",
      ]) {
        const answer = await say(central, request);
        assert.match(answer, /^HTTP\/1\.1 4/);
        assert.deepEqual(said(answer), { version: VERSION, levels: ["tls", "mtls"] }, request);
      }
      const token = await newToken(central);
      const socket = connectTls({
        host: "127.0.0.1",
        port: central.agentsPort,
        rejectUnauthorized: false,
      });
      const credential = `Authorization: ${bearer(token).authorization}\r\n`;
      socket.write(`GET /v1/opamp HTTP/1.1\r\nHost: x\r\n${upgrade}${credential}\r\n`);
      const first = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
      socket.destroy();
      assert.match(first.toString("latin1"), /^HTTP\/1\.1 101 /);
      assert.deepEqual(said(first.toString("latin1"))?.levels, ["tls", "mtls"]);
    }));

  it("an agent that said its time and offer is told why its link ends, and not just cut", () =>
    withCentral(async (central) => {
      const agent = await joinOver(central);
      const link = await openControl(central, agent, {
        "Tautline-Time": new Date(central.clock.now()).toISOString(),
        "Tautline-Offer": `${VERSION}; levels=mtls`,
      });
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      await admin(central, "POST", `/api/v1/agents/${agent.id}/revoke`);
      assert.equal((await link.closed).code, 1008);
    }));

  it("shows what a live agent said of itself, and believes no header that is not one", () =>
    withCentral(async (central) => {
      const agent = await joinOver(central);
      const shown = async (): Promise<unknown> => {
        const { offers, upgrade } = await admin<{ offers: unknown; upgrade: unknown }>(
          central,
          "GET",
          `/api/v1/agents/${agent.id}`,
        );
        return { offers, upgrade };
      };
      assert.deepEqual(await shown(), { offers: null, upgrade: null });
      const { identity } = agent;
      const headers = { "Tautline-Offer": "0.0.9; levels=mtls; later=yes" };
      await poll(central, messageOf(agent.id, 0, described()), { identity, headers });
      const expected = { offers: { version: "0.0.9", levels: ["mtls"] }, upgrade: ">= 0.1.0" };
      assert.deepEqual(await shown(), expected);
      const [link] = (await admin<{ items: { id: string }[] }>(central, "GET", "/api/v1/links"))
        .items;
      assert.partialDeepStrictEqual(link, expected);
      assert.partialDeepStrictEqual(
        await admin(central, "GET", `/api/v1/links/${link?.id ?? ""}`),
        expected,
      );
      const hostile = { "Tautline-Offer": "0.0.9; levels=<script>" };
      await poll(central, messageOf(agent.id, 1, described()), { identity, headers: hostile });
      assert.deepEqual(await shown(), { offers: null, upgrade: null });
      const plain = await callSecure({ port: central.agentsPort, path: "/v1/opamp" });
      assert.equal(plain.headers["tautline-offer"], `${VERSION}; levels=tls,mtls`);
    }));
});
