import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { type Core, withCore } from "../fixture-core.test.ts";
import { joinedCaller, recordingLog } from "./fixture-messages.test.ts";
import { createLiveLinks, type LiveLink, type LiveLinks } from "./live-links.ts";

interface Ground {
  readonly core: Core;
  readonly live: LiveLinks;
  readonly lines: Record<string, unknown>[];
}

const withLinks = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const lines: Record<string, unknown>[] = [];
    const { agents, links, metrics, clock } = core;
    const { recorder: history } = core.history;
    const log = recordingLog(lines);
    await use({
      core,
      lines,
      live: createLiveLinks({ agents, links, history, metrics, log, now: clock.now }),
    });
  });

interface RecordedLink extends LiveLink {
  readonly ended: string[];
  readonly pushes: { count: number };
}

/** A link that writes down what happens to it; `makeLinks` gives several of one new agent. */
async function makeLinks(
  core: Core,
  count: number,
  namespace = "default",
): Promise<RecordedLink[]> {
  const { agent, evidence, remoteAddress } = await joinedCaller(core, { namespace });
  return Array.from({ length: count }, (_, at) => {
    const ended: string[] = [];
    const pushes = { count: 0 };
    return {
      id: `${agent.id}/${at}`,
      agentId: agent.id,
      namespace,
      transport: "websocket" as const,
      remoteAddress,
      evidence,
      ended,
      pushes,
      push: async () => void (pushes.count += 1),
      end: (reason: TautlineError) => void ended.push(reason.code),
    };
  });
}

async function makeLink(core: Core, namespace?: string): Promise<RecordedLink> {
  const [link] = await makeLinks(core, 1, namespace);
  return link ?? assert.fail("no link");
}

const listed = async (core: Core): Promise<string[]> =>
  (await core.links.list({})).map((link) => link.id);

const gauge = async (core: Core): Promise<number> =>
  (await core.metrics.links.get()).values.reduce((sum, { value }) => sum + value, 0);

/** Lets the database refuse every change of one table until it is told otherwise. */
const breakTable = (core: Core, table: "links", broken: boolean): Promise<unknown> =>
  core.store.write(async (trx) => {
    const from = broken ? table : `${table}_broken`;
    const to = broken ? `${table}_broken` : table;
    await trx.schema.alterTable(from).renameTo(to).execute();
  });

describe("LiveLinks", () => {
  it("F9: an agent that is linked again was seen then, and is not called silent until the next time that notes are written", () =>
    withLinks(async ({ core, live }) => {
      const link = await makeLink(core);
      await core.agents.activate(link.agentId);
      core.clock.advance(600_000);
      const [before] = await core.agents.list();
      assert.equal(before?.state, "silent");
      const since = new Date(core.clock.now()).toISOString();
      const again = { ...link, evidence: { ...link.evidence, since } };
      live.open(again);
      await live.list(again);
      const [after] = await core.agents.list();
      assert.deepEqual([after?.state, after?.lastSeenAt], ["active", since]);
      assert.deepEqual([after?.level, after?.group], ["mtls", "X25519MLKEM768"]);
    }));

  it("promise 4: lists a link from its first answered message on, with its evidence, until it closes", () =>
    withLinks(async ({ core, live }) => {
      const link = await makeLink(core);
      live.open(link);
      assert.deepEqual(await listed(core), []);
      await live.list(link);
      await live.list(link);
      const [row] = await core.links.list({});
      assert.equal(row?.id, link.id);
      assert.deepEqual(
        [row?.level, row?.group, row?.peerSerial, row?.agent, row?.verdict],
        ["mtls", "X25519MLKEM768", link.evidence.peerSerial, link.agentId, "accepted"],
      );
      assert.equal(await gauge(core), 1);
      await live.close(link);
      await live.close(link);
      assert.deepEqual(await listed(core), []);
      assert.equal(await gauge(core), 0);
    }));

  it("leaves no row of a link that closed before, or while, it was listed", () =>
    withLinks(async ({ core, live }) => {
      const [early, late] = await makeLinks(core, 2);
      assert.ok(early !== undefined && late !== undefined);
      live.open(early);
      await live.close(early);
      await live.list(early);
      live.open(late);
      await Promise.all([live.list(late), live.close(late)]);
      assert.deepEqual(await listed(core), []);
      assert.equal(await gauge(core), 0);
    }));

  it("ends what the same agent opened before, and takes it off the list at once", () =>
    withLinks(async ({ core, live }) => {
      const [first, silent, second] = await makeLinks(core, 3);
      assert.ok(first !== undefined && silent !== undefined && second !== undefined);
      const other = await makeLink(core);
      for (const link of [first, silent, second, other]) live.open(link);
      await live.list(other);
      await live.list(first);
      await live.list(second);
      assert.deepEqual(first.ended, ["admission.link_replaced"]);
      assert.deepEqual(silent.ended, ["admission.link_replaced"]);
      assert.deepEqual([second.ended, other.ended], [[], []]);
      assert.deepEqual((await listed(core)).toSorted(), [other.id, second.id].toSorted());
      await live.close(first);
      assert.equal(await gauge(core), 2);
    }));

  it("does not let an older link end a newer one that only has not spoken yet", () =>
    withLinks(async ({ core, live }) => {
      const [older, newer] = await makeLinks(core, 2);
      assert.ok(older !== undefined && newer !== undefined);
      live.open(older);
      live.open(newer);
      await live.list(older);
      assert.deepEqual(newer.ended, []);
      await live.list(newer);
      assert.deepEqual(older.ended, ["admission.link_replaced"]);
    }));

  it("A6: ends every link of a revoked agent, also one that has not been answered yet", () =>
    withLinks(async ({ core, live }) => {
      const [one, two] = await makeLinks(core, 2);
      const other = await makeLink(core);
      assert.ok(one !== undefined && two !== undefined);
      for (const link of [one, two, other]) live.open(link);
      live.endAgent(one.agentId, new TautlineError("admission.agent_revoked"));
      assert.deepEqual(
        [one.ended, two.ended],
        [["admission.agent_revoked"], ["admission.agent_revoked"]],
      );
      assert.deepEqual(other.ended, []);
      live.endAgent("nobody", new TautlineError("admission.agent_revoked"));
      live.endAll(() => new TautlineError("central.stopping"));
      assert.deepEqual(other.ended, ["central.stopping"]);
    }));

  it("pushes to the listed links of a namespace, or of all, and goes on after one that fails", () =>
    withLinks(async ({ core, live, lines }) => {
      await core.namespaces.create("plant", "operator:local");
      const here = await makeLink(core);
      const silent = await makeLink(core);
      const there = await makeLink(core, "plant");
      const failing: LiveLink = {
        ...(await makeLink(core)),
        push: () => Promise.reject(new Error("gone")),
      };
      for (const link of [failing, here, silent, there]) live.open(link);
      for (const link of [failing, here, there]) await live.list(link);
      await live.pushTo("default");
      await live.pushTo("");
      assert.deepEqual(
        [here, silent, there].map(({ pushes }) => pushes.count),
        [2, 0, 1],
      );
      assert.equal(lines.filter(({ msg }) => msg === "settings were not offered").length, 2);
    }));

  it("writes when agents were heard all together, and nothing when none was", () =>
    withLinks(async ({ core, live }) => {
      const links = [await makeLink(core), await makeLink(core)];
      for (const link of links) {
        live.open(link);
        await live.list(link);
      }
      core.clock.advance(5_000);
      for (const link of links) live.noteMessage(link);
      core.clock.advance(1_000);
      await live.flush();
      const at = new Date(core.clock.now() - 1_000).toISOString();
      for (const view of await core.agents.list()) {
        assert.deepEqual([view.lastSeenAt, view.level, view.group], [at, "mtls", "X25519MLKEM768"]);
      }
      for (const view of await core.links.list({})) assert.equal(view.lastMessageAt, at);
      core.clock.advance(1_000);
      await live.flush();
      assert.equal((await core.agents.list())[0]?.lastSeenAt, at);
    }));

  it("tells the history of a link that was listed, when it was last heard, and of no other", () =>
    withLinks(async ({ core, live }) => {
      const [silent, spoken] = await makeLinks(core, 2);
      assert.ok(silent !== undefined && spoken !== undefined);
      live.open(silent);
      await live.close(silent);
      live.open(spoken);
      await live.list(spoken);
      const firstMs = core.clock.now();
      const lastMs = core.clock.advance(5_000);
      live.noteMessage(spoken);
      core.clock.advance(1_000);
      await live.close(spoken);
      assert.deepEqual(await core.history.of([spoken.agentId], 0), []);
      await live.flush();
      const [history] = await core.history.of([spoken.agentId], 0);
      assert.deepEqual(
        history?.used.map((used) => [used.links, used.firstMs, used.lastMs, used.profile.level]),
        [[1, firstMs, lastMs, "mtls"]],
      );
    }));

  it("F11: a link is not listed while the database refuses, and is with the next message", () =>
    withLinks(async ({ core, live }) => {
      const link = await makeLink(core);
      live.open(link);
      await breakTable(core, "links", true);
      await assert.rejects(live.list(link));
      assert.equal(await gauge(core), 0);
      await breakTable(core, "links", false);
      await live.list(link);
      assert.deepEqual(await listed(core), [link.id]);
    }));

  it("F11: closing never fails; a row the database did not let go of goes at a later flush", () =>
    withLinks(async ({ core, live, lines }) => {
      const link = await makeLink(core);
      live.open(link);
      await live.list(link);
      await breakTable(core, "links", true);
      await live.close(link);
      assert.equal(lines.at(-1)?.["msg"], "a closed link stays listed for now");
      await assert.rejects(live.flush());
      await breakTable(core, "links", false);
      assert.deepEqual(await listed(core), [link.id]);
      await live.flush();
      assert.deepEqual(await listed(core), []);
    }));
});

describe("LinkStore", () => {
  it("filters by kind and agent, gives one by its id, and clears what an earlier run left behind", () =>
    withLinks(async ({ core, live }) => {
      const one = await makeLink(core);
      const other = await makeLink(core);
      for (const link of [one, other]) {
        live.open(link);
        await live.list(link);
      }
      assert.equal((await core.links.list({ kind: "control" })).length, 2);
      assert.equal((await core.links.list({ kind: "pull" })).length, 0);
      assert.deepEqual(
        (await core.links.list({ agent: one.agentId })).map(({ id }) => id),
        [one.id],
      );
      assert.equal((await core.links.get(other.id)).agent, other.agentId);
      await assert.rejects(core.links.get("nowhere"), { code: "api.not_found" });
      await core.links.closeAll();
      assert.deepEqual(await listed(core), []);
    }));
});
