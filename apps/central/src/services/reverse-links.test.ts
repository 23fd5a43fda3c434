import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createJoint, ForwardChannel, plaintextEvidence } from "@tautline/link";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import type { AgentCaller } from "../control/caller.ts";
import { createReverseLinks, MOST_READY, type ReverseLink } from "./reverse-links.ts";

const NEVER = new AbortController().signal;

/** A link of an agent, and the agent's end of it. */
function aLink(id: string): ReverseLink & { readonly agent: ForwardChannel } {
  const [near, far] = createJoint();
  const made = (secured: typeof near, role: "opener" | "accepter"): ForwardChannel =>
    new ForwardChannel({ secured, head: Buffer.alloc(0), role, address: id, now: () => 0 });
  const caller: AgentCaller = {
    kind: "agent",
    agent: { id } as AgentCaller["agent"],
    expiresAtMs: 0,
    evidence: plaintextEvidence(() => 0),
    remoteAddress: "192.0.2.1",
  };
  return { caller, channel: made(near, "opener"), agent: made(far, "accepter") };
}

describe("links of agents on which central opens streams", () => {
  it("are given to whoever asks for that agent, each once, and again when they come back", async () => {
    const links = createReverseLinks({ waitMs: 1 });
    const [one, other] = [aLink("a"), aLink("b")];
    links.add(one);
    links.add(other);
    assert.equal(await links.take("a", NEVER), one);
    const refusal = await refusalOf(() => links.take("a", NEVER));
    assert.equal(refusal.code, "forward.agent_away");
    links.giveBack(one);
    assert.equal(await links.take("a", NEVER), one);
    assert.equal(await links.take("b", NEVER), other);
  });

  it("are waited for by one who comes a moment too early, in the order of coming", async () => {
    const links = createReverseLinks({ waitMs: 60_000 });
    const asked = [links.take("a", NEVER), links.take("a", NEVER)];
    const [one, other] = [aLink("a"), aLink("a")];
    links.add(one);
    links.add(other);
    assert.deepEqual(await Promise.all(asked), [one, other]);
  });

  it("are waited for no longer than the caller wants", async () => {
    const links = createReverseLinks({ waitMs: 60_000 });
    const calling = new AbortController();
    const asked = links.take("a", calling.signal);
    calling.abort(new TautlineError("forward.cancelled"));
    assert.equal((await refusalOf(() => asked)).code, "forward.cancelled");
    const late = links.take("a", NEVER);
    const link = aLink("a");
    links.add(link);
    assert.equal(await late, link);
  });

  it("are not given once they were closed, by either end", async () => {
    const links = createReverseLinks({ waitMs: 1 });
    const link = aLink("a");
    links.add(link);
    link.agent.destroy(new TautlineError("agent.forward_link_unused"));
    await link.channel.closed;
    assert.equal((await refusalOf(() => links.take("a", NEVER))).code, "forward.agent_away");
    links.giveBack(link);
    assert.equal((await refusalOf(() => links.take("a", NEVER))).code, "forward.agent_away");
  });

  it(`are at most ${MOST_READY} of one agent: one more is closed with the reason`, async () => {
    const links = createReverseLinks({ waitMs: 1 });
    for (let each = 0; each < MOST_READY; each += 1) links.add(aLink("a"));
    const beyond = aLink("a");
    links.add(beyond);
    const reason = await beyond.agent.closed;
    assert.ok(isTautlineError(reason));
    assert.equal(reason.detail["code"], "forward.too_many");
    links.add(aLink("b"));
    await links.take("b", NEVER);
  });
});
