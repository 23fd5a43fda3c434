import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTrailLine, type TrailLine } from "@tautline/protocol";
import { createTrailCheck } from "@tautline/vault";
import { openByHead } from "@tautline/testing";
import { refusalOf } from "../fixture-checks.test.ts";
import { CENTRAL_ID, type Core, HOUR_MS, TRUST_DOMAIN, withCore } from "../fixture-core.test.ts";
import { createTrailExporter, type ExportOrder, MAX_EXPORTS } from "./trail-export.ts";

const EVENT = { action: "token.created", actor: "operator:local", subject: "token:1" } as const;
const ALL: ExportOrder = { isFollowed: false };

async function read(core: Core, order: ExportOrder): Promise<TrailLine[]> {
  const lines: TrailLine[] = [];
  for await (const part of await core.trail.exporter.open(order)) {
    lines.push(
      ...String(part)
        .trimEnd()
        .split("\n")
        .map((line) => parseTrailLine(line)),
    );
  }
  return lines;
}

function assertSound(lines: readonly TrailLine[]): void {
  const check = createTrailCheck(openByHead);
  for (const line of lines) assert.equal(check.add(line), undefined);
}

const grow = (core: Core, count: number): Promise<void> =>
  core.store.write(async (trx) => {
    for (let at = 0; at < count; at += 1) await core.audit.append(trx, EVENT);
  });
const seqsOf = (lines: readonly TrailLine[]): number[] =>
  lines.flatMap((line) => (line.type === "entry" ? [line.seq] : []));

describe("an export", () => {
  it("is the whole trail with its checkpoints, over any number of pages, and can be checked by itself", () =>
    withCore(async (core) => {
      for (const count of [1, 198, 1, 1, 450]) {
        await grow(core, count);
        await core.trail.keeper.sign();
      }
      const lines = await read(core, ALL);
      assertSound(lines);
      assert.equal(lines.filter(({ type }) => type === "checkpoint").length, 5);
      assert.deepEqual([lines[0]?.type, lines.at(-1)?.type], ["trail", "end"]);
      const verdict = await core.trail.verify();
      assert.equal(verdict.ok && verdict.count, seqsOf(lines).length);
    }));

  it("from a time on begins with the first entry of that time, and from an entry on behind it", () =>
    withCore(async (core) => {
      await grow(core, 5);
      await core.trail.keeper.sign();
      const before = seqsOf(await read(core, ALL)).at(-1) ?? 0;
      const sinceMs = core.clock.advance(HOUR_MS);
      await grow(core, 3);
      await core.trail.keeper.sign();
      const fromTime = await read(core, { sinceMs, isFollowed: false });
      assert.deepEqual(seqsOf(fromTime), [before + 1, before + 2, before + 3]);
      assertSound(fromTime);
      const after = { seq: before + 1, checkpoint: 1 };
      const fromEntry = await read(core, { after, isFollowed: false });
      assert.deepEqual(seqsOf(fromEntry), [before + 2, before + 3]);
      assertSound(fromEntry);
      assert.deepEqual(seqsOf(await read(core, { sinceMs: sinceMs + 1, isFollowed: false })), []);
      assert.deepEqual(
        seqsOf(await read(core, { sinceMs: 0, isFollowed: false })).length,
        before + 3,
      );
    }));

  it("shows a checkpoint whose entries were deleted, so that its reader finds that out", () =>
    withCore(async (core) => {
      await grow(core, 5);
      await core.trail.keeper.sign();
      await core.store.write((trx) => trx.deleteFrom("audit").where("seq", ">", 2).execute());
      const check = createTrailCheck(openByHead);
      const faults = (await read(core, ALL)).map((line) => check.add(line));
      assert.match(faults.find((fault) => fault !== undefined)?.reason ?? "", /cut off/);
    }));

  it("that follows goes on with what is written, and ends with 'more' when central stops", () =>
    withCore(async (core) => {
      await grow(core, 2);
      const stream = await core.trail.exporter.open({ isFollowed: true });
      const parts = stream[Symbol.asyncIterator]() as AsyncIterator<string>;
      const lines: TrailLine[] = [];
      const take = async (): Promise<void> => {
        const { value } = await parts.next();
        lines.push(
          ...String(value)
            .trimEnd()
            .split("\n")
            .map((line) => parseTrailLine(line)),
        );
      };
      await take();
      await take();
      const seen = seqsOf(lines).length;
      await core.audit.record(EVENT);
      await take();
      await core.trail.keeper.sign();
      await take();
      assert.equal(seqsOf(lines).length, seen + 1);
      assert.equal(lines.at(-1)?.type, "checkpoint");
      core.trail.exporter.stop();
      await take();
      assert.equal(lines.at(-1)?.type, "more");
      assert.equal((await parts.next()).done, true);
      assertSound(lines);
    }));

  it("that follows ends by itself after its time, so that its reader is judged again", () =>
    withCore(async (core) => {
      const { store, audit, authority } = core;
      const owner = { trustDomain: TRUST_DOMAIN, centralId: CENTRAL_ID, root: authority.root };
      const watch = (onNews: () => void) => audit.watch(onNews);
      const exporter = createTrailExporter({ ...owner, store, watch, followMs: 1 });
      const stream = await exporter.open({ isFollowed: true });
      const text = (await stream.toArray()).join("");
      assert.match(text, /\{"type":"more",.*\}\n$/);
    }));

  it("A20, promise 5: is not read ahead of its reader, and only so many are under way at once", () =>
    withCore(async (core) => {
      await grow(core, 3_000);
      const open = await Promise.all(
        Array.from({ length: MAX_EXPORTS }, () => core.trail.exporter.open(ALL)),
      );
      await refusalOf(core.trail.exporter.open(ALL), "audit.too_many_exports");
      const [first] = open;
      assert.ok(first);
      const parts = first[Symbol.asyncIterator]() as AsyncIterator<string>;
      await parts.next();
      assert.ok(first.readableLength <= 2, "pages wait in the database, not here");
      for (const stream of open) {
        const closed = new Promise((resolve) => stream.once("close", resolve));
        stream.destroy();
        await closed;
      }
      assert.ok(seqsOf(await read(core, ALL)).length >= 3_000);
    }));
});
