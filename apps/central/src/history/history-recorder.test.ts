import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TautlineError } from "@tautline/protocol";
import {
  countRows,
  type HistoryGround,
  linkOf,
  provenEvidence,
  UNPROVEN,
  usedBy,
  withHistory,
} from "./fixture-history.test.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { createHistoryRecorder, STRANGERS_EVERY_MS, WRITTEN_EVERY_MS } from "./history-recorder.ts";
import { leftBehind } from "./left-behind.ts";
import { linkRowOf } from "../fleet/fixture-link-row.test.ts";
import { DAY_MS } from "./span.ts";

const HOUR_MS = 3_600_000;
const refusal = (): TautlineError => new TautlineError("opamp.not_your_id");

/** What is on the disk of one agent: links, days, last sighting, by level and reason. */
async function told({ history }: HistoryGround, id: string): Promise<unknown[]> {
  const used = await usedBy(history, id);
  return used.map(({ profile, code, links, days, lastMs }) => [
    code === "" ? profile.level : code,
    links,
    days,
    lastMs,
  ]);
}

const numberedId = (at: number): string =>
  `0197a000-0000-7000-8000-${String(at).padStart(12, "0")}`;

describe("HistoryRecorder", () => {
  it("tells what a link negotiated, when first and last, from where", () =>
    withHistory(async ({ history, clock, ids: [id] }) => {
      const { recorder } = history;
      const link = linkOf(id, { remoteAddress: "::ffff:192.0.2.9" });
      const firstMs = clock.now();
      recorder.opened(link);
      const lastMs = clock.advance(HOUR_MS);
      recorder.seen(link, lastMs);
      clock.advance(1);
      recorder.closed(link);
      await recorder.flush();
      const [used, ...others] = await usedBy(history, id);
      assert.deepEqual(others, []);
      assert.deepEqual(used, {
        kind: "control",
        component: "agent",
        profile: {
          level: "mtls",
          protocol: "TLSv1.3",
          cipher: "TLS_AES_256_GCM_SHA384",
          group: "X25519MLKEM768",
          pq: true,
          serverProven: true,
          clientProven: true,
          forwardSecret: true,
          credential: "certificate",
        },
        code: "",
        links: 1,
        days: 1,
        firstMs,
        lastMs,
        address: "192.0.2.9",
      });
    }));

  it("writes nothing before a flush, and a living link only every 15 minutes", () =>
    withHistory(async (ground) => {
      const { history, clock, store, ids } = ground;
      const [id] = ids;
      const { recorder } = history;
      const link = linkOf(id);
      const firstMs = clock.now();
      recorder.opened(link);
      assert.equal(await countRows(store), 0);
      await recorder.flush();
      for (let at = 0; at < 20; at += 1) recorder.seen(link, clock.advance(30_000));
      await recorder.flush();
      assert.deepEqual(await told(ground, id), [["mtls", 1, 1, firstMs]]);
      recorder.seen(link, firstMs + WRITTEN_EVERY_MS);
      clock.advance(WRITTEN_EVERY_MS);
      await recorder.flush();
      assert.deepEqual(await told(ground, id), [["mtls", 1, 1, firstMs + WRITTEN_EVERY_MS]]);
    }));

  it("a link that lives over midnight UTC is seen on both days", () =>
    withHistory(async (ground) => {
      const { history, clock, ids } = ground;
      const [id] = ids;
      const { recorder } = history;
      clock.advance(DAY_MS - 1_000);
      const link = linkOf(id);
      recorder.opened(link);
      const lastMs = clock.advance(1_000);
      recorder.seen(link, lastMs);
      await recorder.flush();
      assert.deepEqual(await told(ground, id), [["mtls", 1, 2, lastMs]]);
    }));

  it("F8: a clock that jumps back in the middle of a link neither adds days nor loses any", () =>
    withHistory(async (ground) => {
      const { history, clock, ids } = ground;
      const [id] = ids;
      const { recorder } = history;
      clock.advance(12 * HOUR_MS);
      const link = linkOf(id);
      recorder.opened(link);
      await recorder.flush();
      const backMs = clock.advance(-HOUR_MS);
      recorder.seen(link, backMs);
      await recorder.flush();
      assert.deepEqual(await told(ground, id), [["mtls", 1, 1, backMs]]);
      const rightMs = clock.advance(2 * HOUR_MS);
      recorder.seen(link, rightMs);
      await recorder.flush();
      assert.deepEqual(await told(ground, id), [["mtls", 1, 1, rightMs]]);
    }));

  it("F8: what a clock written far ahead is shown as now, and put right by the next sighting", () =>
    withHistory(async (ground) => {
      const { history, clock, ids } = ground;
      const [id, other] = ids;
      const { recorder } = history;
      const firstMs = clock.now();
      recorder.opened(linkOf(id));
      recorder.opened(linkOf(other));
      await recorder.flush();
      clock.advance(400 * DAY_MS);
      for (const one of [id, other]) recorder.opened(linkOf(one));
      await recorder.flush();
      const nowMs = clock.advance(-399 * DAY_MS);
      assert.deepEqual(await told(ground, other), [["mtls", 2, 2, nowMs]]);
      recorder.opened(linkOf(id));
      await recorder.flush();
      assert.deepEqual(await told(ground, id), [["mtls", 3, 2, nowMs]]);
      clock.advance(10 * DAY_MS);
      assert.deepEqual(await told(ground, id), [["mtls", 3, 2, firstMs + DAY_MS]]);
    }));

  it("F1: a restart in the middle of a day goes on with the day, and knows when left links were last heard", () =>
    withHistory(async (ground) => {
      const { history, clock, ids } = ground;
      const [id] = ids;
      clock.advance(6 * HOUR_MS);
      history.recorder.opened(linkOf(id));
      await history.recorder.flush();
      const heardMs = clock.advance(10 * 60_000);
      const after = await ground.restart();
      clock.advance(HOUR_MS);
      const row = { ...linkRowOf(id, "central-1"), last_message_at: heardMs };
      after.history.recorder.resumed([leftBehind({ ...row, ...evidenceColumns(id) })]);
      await after.history.recorder.flush();
      assert.deepEqual(await told(after, id), [["mtls", 1, 1, heardMs]]);
      after.history.recorder.opened(linkOf(id));
      await after.history.recorder.flush();
      assert.deepEqual(await told(after, id), [["mtls", 2, 1, clock.now()]]);
    }));

  it("counts refusals of an agent that proved itself, with the reason", () =>
    withHistory(async (ground) => {
      const { history, clock, ids } = ground;
      const [id] = ids;
      const { recorder } = history;
      const caller = { remoteAddress: "192.0.2.4", evidence: provenEvidence(id) };
      for (let at = 0; at < 500; at += 1) recorder.refused(refusal(), caller);
      recorder.refused(new TautlineError("central.stopping"), caller);
      const lapsed = { peerId: provenEvidence(id).peerId ?? "" };
      recorder.refused(new TautlineError("admission.renew_only"), {
        remoteAddress: "192.0.2.4",
        evidence: UNPROVEN,
        lapsed,
      });
      await recorder.flush("strangers");
      const nowMs = clock.now();
      assert.deepEqual(await told(ground, id), [
        ["opamp.not_your_id", 500, 1, nowMs],
        ["admission.renew_only", 1, 1, nowMs],
      ]);
      assert.deepEqual(await history.strangersSince(0), []);
    }));

  it("A20: strangers touch no disk until a minute is over, and then once for all of them", () =>
    withHistory(async ({ history, clock, store }) => {
      const { recorder } = history;
      let writes = 0;
      const write = store.write.bind(store);
      Object.assign(store, {
        write: (work: never) => {
          writes += 1;
          return write(work);
        },
      });
      const unknown = new TautlineError("enrolment.token_unknown");
      for (let at = 0; at < 2_000; at += 1) {
        recorder.refused(unknown, {
          remoteAddress: `192.0.${at % 7}.${at % 250}`,
          evidence: UNPROVEN,
        });
        recorder.strangerRefused(unknown, "2001:db8::1");
        if (at % 100 === 0) await recorder.flush();
      }
      assert.equal(writes, 0);
      clock.advance(STRANGERS_EVERY_MS);
      await recorder.flush();
      assert.equal(writes, 1);
      const seen = await history.strangersSince(0);
      assert.equal(seen.length, 8);
      assert.equal(
        seen.reduce((sum, { attempts }) => sum + attempts, 0),
        4_000,
      );
    }));

  it("A30: an id that was only claimed writes nothing under it", () =>
    withHistory(async ({ history, store, ids: [id] }) => {
      const { recorder } = history;
      const claimed = { ...provenEvidence(id), clientProven: false };
      recorder.refused(refusal(), { remoteAddress: "192.0.2.1", evidence: claimed });
      await recorder.flush("everything");
      assert.equal(await countRows(store), 0);
      assert.equal((await history.strangersSince(0)).length, 1);
    }));

  it("passes over agents that are not registered, among those that are", () =>
    withHistory(async ({ history, store, ids: [id] }) => {
      const { recorder } = history;
      recorder.opened(linkOf("0197a000-0000-7000-8000-00000000000a"));
      recorder.opened(linkOf(id));
      await recorder.flush();
      assert.equal(await countRows(store), 1);
    }));

  it("F11: what the database refused waits and is written later, once", () =>
    withHistory(async ({ history, store, ids: [id] }) => {
      const { recorder } = history;
      const rename = (from: string, to: string): Promise<unknown> =>
        store.write((trx) => trx.schema.alterTable(from).renameTo(to).execute());
      recorder.opened(linkOf(id));
      recorder.strangerRefused(refusal(), "192.0.2.1");
      await rename("history_spans", "history_broken");
      await assert.rejects(recorder.flush("everything"));
      await rename("history_broken", "history_spans");
      await rename("history_strangers", "history_broken");
      recorder.opened(linkOf(id));
      await assert.rejects(recorder.flush("everything"));
      await rename("history_broken", "history_strangers");
      await recorder.flush("everything");
      const [used] = await usedBy(history, id);
      assert.equal(used?.links, 2);
      assert.equal((await history.strangersSince(0))[0]?.attempts, 1);
    }));

  it("writes a bounded part of a crowd with each flush, and all of it at the end", () =>
    withHistory(
      async ({ history, store, fleet }) => {
        for (const { id } of fleet) history.recorder.opened(linkOf(id));
        await history.recorder.flush();
        assert.equal(await countRows(store), 1_024);
        await history.recorder.flush("everything");
        assert.equal(await countRows(store), 1_100);
      },
      { agents: 1_100 },
    ));

  it("keeps no more in memory than the bound, and counts a refusal beyond it as a stranger's", () => {
    const noted: string[] = [];
    const recorder = createHistoryRecorder({
      spans: { add: () => assert.fail("nothing is flushed") },
      strangers: { note: (code) => void noted.push(code), flush: async () => {} },
      now: () => 0,
    });
    const caller = { remoteAddress: "192.0.2.1", evidence: UNPROVEN };
    for (let at = 0; at < HISTORY_LIMITS.waiting; at += 1) {
      recorder.resumed([{ ...linkOf(numberedId(at)), lastMs: 0 }]);
    }
    const refused = { ...caller, evidence: provenEvidence(numberedId(HISTORY_LIMITS.waiting)) };
    recorder.refused(refusal(), refused);
    assert.deepEqual(noted, ["opamp.not_your_id"]);
  });
});

const evidenceColumns = (id: string) => {
  const { cipher, group, peerId, peerSerial } = provenEvidence(id);
  return { cipher, key_group: group, pq: 1, peer_id: peerId, peer_serial: peerSerial };
};
