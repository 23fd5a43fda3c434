import assert from "node:assert/strict";
import { test } from "node:test";
import { type LinkPolicy, lackOf, LEVELS } from "@tautline/protocol";
import * as fc from "fast-check";
import { addToSpans, type Span } from "../history/span.ts";
import { isLoopback } from "../listeners/loopback-rule.ts";
import { DAY_MS, factsOf, NOW_MS, wantedOf } from "./fixture-plan.test.ts";
import type { AgentFacts, SeenLinks } from "./plan.ts";
import { planAgent } from "./plan-rule.ts";

const PERIOD_DAYS = 30;
const SINCE_MS = NOW_MS - PERIOD_DAYS * DAY_MS;

/** One link as it really was. */
interface Link {
  readonly level: SeenLinks["level"];
  readonly pq: boolean;
  readonly clientProven: boolean;
  readonly address: string;
  readonly atMs: number;
  readonly forMs: number;
}

/** A host does not wander between this one and others: the history keeps the last address of a run of days alone. */
const linkAt = (address: string): fc.Arbitrary<Link> =>
  fc.record({
    level: fc.constantFrom(...LEVELS),
    pq: fc.boolean(),
    clientProven: fc.boolean(),
    address: fc.constant(address),
    atMs: fc.integer({ min: NOW_MS - 60 * DAY_MS, max: NOW_MS - 1 }),
    forMs: fc.integer({ min: 0, max: 2 * DAY_MS }),
  });

const linksOfOne = fc
  .constantFrom("192.0.2.7", "127.0.0.1", "::1")
  .chain((address) => fc.array(linkAt(address), { maxLength: 12 }));

const policies: fc.Arbitrary<LinkPolicy> = fc.record({
  accept: fc.subarray([...LEVELS], { minLength: 1 }),
  clientProof: fc.constantFrom("none", "require"),
  postQuantum: fc.constantFrom("prefer", "require"),
  loopback: fc.constantFrom("keep", "off"),
});

const hosts: fc.Arbitrary<Partial<AgentFacts>> = fc.record({
  state: fc.constantFrom("unproven", "keyed", "joining", "active", "quarantined", "pending"),
  instructions: fc.constantFrom(undefined, [], ["level"]),
  upgrade: fc.constantFrom("remote", "manual", "firmware"),
});

/** What the history keeps of links: runs of days by evidence, of which those that end before the period are not read. */
function kept(links: readonly Link[]): SeenLinks[] {
  const places = Map.groupBy(links, ({ level, pq, clientProven }) =>
    [level, pq, clientProven].join(),
  );
  return [...places.values()].flatMap((same) => {
    let spans: readonly Span[] = [];
    for (const { atMs, forMs, address } of same) {
      const lastMs = Math.min(NOW_MS, atMs + forMs);
      spans = addToSpans(spans, { firstMs: atMs, lastMs, days: 1, links: 1, address });
    }
    const read = spans.filter(({ lastMs }) => lastMs >= SINCE_MS);
    const [first, last] = [read[0], read.at(-1)];
    const [one] = same;
    if (first === undefined || last === undefined || one === undefined) return [];
    const { level, pq, clientProven } = one;
    const known = { kind: "control", component: "agent", group: null, code: "", isLive: false };
    const { firstMs } = first;
    const { lastMs, address } = last;
    const count = read.reduce((sum, span) => sum + span.links, 0);
    const evidence = { ...known, level, pq, clientProven, links: count } as const;
    return [{ ...evidence, kind: "control" as const, firstMs, lastMs, address }];
  });
}

const endOf = ({ atMs, forMs }: Link): number => Math.min(NOW_MS, atMs + forMs);

test("no agent stays whose recorded links would be refused: its latest link is good, and none since its first good one was not", () => {
  let stays = 0;
  const rule = fc.property(linksOfOne, policies, hosts, (links, policy, host) => {
    const planned = planAgent(factsOf(kept(links), host), wantedOf(policy));
    if (planned?.verdict !== "stays") return;
    stays += 1;
    const inPeriod = links.filter((link) => endOf(link) >= SINCE_MS);
    const isBad = (link: Link): boolean =>
      lackOf(policy, { ...link, isLoopback: isLoopback(link.address) }) !== undefined;
    const good = inPeriod.filter((link) => !isBad(link));
    assert.ok(good.length > 0, "nothing good was seen in the period");
    const lastBadMs = Math.max(...inPeriod.filter(isBad).map(endOf));
    const lastGoodMs = Math.max(...good.map(endOf));
    assert.ok(lastBadMs < lastGoodMs, "the latest link would be refused");
    // The history tells a run of days whole: what was good in the period began to be good after all that was bad in it.
    const firstGoodMs = Math.min(...good.map(({ atMs }) => atMs));
    assert.ok(lastBadMs < firstGoodMs, "a link that would be refused came after a good one");
  });
  fc.assert(rule, { numRuns: 3_000 });
  assert.ok(stays > 100, `only ${stays} stayed`);
});

test("F23: whoever was not linked in the period is unknown, whatever is asked of it", () => {
  fc.assert(
    fc.property(linksOfOne, policies, hosts, (links, policy, host) => {
      const before = links.filter((link) => endOf(link) < SINCE_MS);
      const planned = planAgent(factsOf(kept(before), host), wantedOf(policy));
      assert.equal(planned?.verdict, "unknown");
    }),
  );
});

test("what an agent is told to climb to is accepted by the policy, and below nothing that it has used", () => {
  fc.assert(
    fc.property(linksOfOne, policies, hosts, (links, policy, host) => {
      const facts = kept(links);
      for (const { moveTo, verdict } of planAgent(factsOf(facts, host), wantedOf(policy))?.parts ??
        []) {
        if (moveTo === null) continue;
        assert.equal(verdict, "moves");
        const isAccepted = policy.accept.includes(moveTo) || policy.accept.includes("tls");
        assert.ok(isAccepted, `${moveTo} is not accepted`);
        for (const { level } of facts) {
          assert.ok(LEVELS.indexOf(moveTo) >= LEVELS.indexOf(level), `${moveTo} < ${level}`);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test("whoever is linked now in a way that would be refused does not stay", () => {
  const live = linkAt("192.0.2.7").map((link) => Object.assign(link, { forMs: 0, atMs: NOW_MS }));
  fc.assert(
    fc.property(linksOfOne, live, policies, hosts, (links, link, policy, host) => {
      fc.pre(lackOf(policy, { ...link, isLoopback: false }) !== undefined);
      const now = kept([link]).map((each) => Object.assign(each, { isLive: true }));
      const planned = planAgent(factsOf([...kept(links), ...now], host), wantedOf(policy));
      assert.notEqual(planned?.verdict, "stays");
      assert.equal(planned?.parts[0]?.isLive, true);
    }),
    { numRuns: 1_000 },
  );
});
