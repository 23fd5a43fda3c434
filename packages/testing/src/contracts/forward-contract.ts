import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, it } from "node:test";
import { ForwardChannel, peerReasonCode, SlabPool, type StreamEnd } from "@tautline/link";
import { encodeForwardEnd, isTautlineError, TautlineError } from "@tautline/protocol";
import { createForwardPeer } from "../forward-peer.ts";
import {
  type ForwardScene,
  hearOut,
  openForwardScene,
  openSecuredPair,
  sayAll,
} from "../forward-scene.ts";
import { openSocketPair } from "../socket-pair.ts";
import { assertEnded, assertResetBy, bothClosed, resetCode, verdicts } from "./forward-endings.ts";
import type { LevelUnderTest } from "./level-contract.ts";

/** Around what a header, a TLS record, a Noise message, a read and a frame hold. */
const SIZES = [1, 2, 3, 4, 5, 100, 16_384, 16_385, 65_519, 65_536, 262_144, 262_145, 1_000_003];
/** What may wait inside one process: at each of four sockets the limit of a stream and a read, both ways. */
const MOST_BUFFERED = 1024 * 1024;
/** So many turns of the event loop in which nothing moved: the way is full. */
const STILL_TURNS = 200;
const SHORT_MS = 20;

/** How a forward's link reads its sockets: into memory of its own where this Node allows it, or as Node does. */
export type ForwardReading = "own buffers" | "as Node reads";

/**
 * Registers the tests that a forward's link passes over every level (issue 5): bytes arrive whole and in order, and a part is never
 * taken for the whole.
 *
 * @param level the level under test
 * @param reading how both ends read
 */
export function forwardContract(
  level: LevelUnderTest,
  reading: ForwardReading = "own buffers",
): void {
  describe(`a forward over ${level.level}, ${reading}`, () => {
    const slabs = reading === "own buffers" ? new SlabPool() : null;
    const open = (): Promise<ForwardScene> => openForwardScene(level, slabs);
    orderlyTests(open);
    brokenTests(level, open);
    limitTests(open);
    closingTests(open);
    it("holds none of its buffers when all is over", async () => {
      for (let turn = 0; turn < STILL_TURNS; turn += 1) await nextTurn();
      assert.equal(slabs?.inUse ?? 0, 0);
    });
  });
}

type Open = () => Promise<ForwardScene>;

function orderlyTests(open: Open): void {
  it("carries bytes of many sizes both ways at once, whole and in order", async () => {
    await using scene = await open();
    const { program, server, ends } = await scene.stream();
    const [up, down] = [payloads("up"), payloads("down").toReversed()];
    const [heardUp, heardDown] = await Promise.all([
      hearOut(server),
      hearOut(program),
      sayAll(program, up),
      sayAll(server, down),
    ]);
    assert.deepEqual([heardUp.how, heardDown.how], ["end", "end"]);
    assert.equal(digest(heardUp.bytes), digest(...up));
    assert.equal(digest(heardDown.bytes), digest(...down));
    const total = SIZES.reduce((sum, size) => sum + size, 0);
    for (const end of await Promise.all(ends)) {
      assert.deepEqual(
        [end.verdict, end.sentBytes, end.receivedBytes, end.error],
        ["clean", total, total, undefined],
      );
      assert.ok(end.durationMs >= 0);
    }
  });

  for (const [first, last] of [
    ["program", "server"],
    ["server", "program"],
  ] as const) {
    it(`lets the ${last} answer after the ${first} has ended`, async () => {
      await using scene = await open();
      const stream = await scene.stream();
      const [question, answer] = [hearOut(stream[last]), hearOut(stream[first])];
      stream[first].end("the question");
      assert.equal((await question).bytes.toString(), "the question");
      stream[last].write("the ");
      stream[last].end("answer");
      const heard = await answer;
      assert.deepEqual([heard.bytes.toString(), heard.how], ["the answer", "end"]);
      assert.deepEqual(await verdicts(stream), ["clean", "clean"]);
    });
  }

  it("carries one stream after the other, also empty ones", async () => {
    await using scene = await open();
    for (const text of ["first", "", "third"]) {
      assert.deepEqual([scene.opener.state, scene.accepter.state], ["idle", "idle"]);
      const stream = await scene.stream();
      const heard = hearOut(stream.program);
      hearOut(stream.server).then(({ bytes }) => stream.server.end(bytes), assert.fail);
      stream.program.end(text);
      assert.equal((await heard).bytes.toString(), text);
      assert.deepEqual(await verdicts(stream), ["clean", "clean"]);
    }
  });

  it("holds the writer back while the reader does not read, and loses nothing", async () => {
    await using scene = await open();
    const { program, server, plain, ends } = await scene.stream();
    const block = Buffer.alloc(65_536, "a slow reader");
    const waiting = (): number =>
      [...scene.secured, ...plain].reduce(
        (sum, { readableLength, writableLength }) => sum + readableLength + writableLength,
        0,
      );
    let blocks = 0;
    let stillTurns = 0;
    // Until every buffer on the way is full, those of the system too.
    while (stillTurns < STILL_TURNS) {
      const hadRoom = !program.writableNeedDrain;
      if (hadRoom) {
        program.write(block);
        blocks += 1;
      }
      stillTurns = hadRoom ? 0 : stillTurns + 1;
      await nextTurn();
      assert.ok(waiting() < MOST_BUFFERED, `${waiting()} bytes wait between the programs`);
    }
    assert.deepEqual([plain[0].isPaused(), scene.secured[1].isPaused()], [true, true]);
    program.end();
    server.end();
    const [{ bytes, how }] = await Promise.all([hearOut(server), hearOut(program)]);
    assert.deepEqual([how, bytes.length], ["end", blocks * block.length]);
    assert.equal(digest(bytes), digest(...Array.from({ length: blocks }, () => block)));
    assert.deepEqual(await verdicts({ ends }), ["clean", "clean"]);
  });
}

function brokenTests(level: LevelUnderTest, open: Open): void {
  for (const [from, to, index] of [
    ["program", "server", 0],
    ["server", "program", 1],
  ] as const) {
    it(`shows a reset of the ${from} to the ${to} as a reset`, async () => {
      await using scene = await open();
      const stream = await scene.stream();
      const heard = hearOut(stream[to]);
      stream[from].write("half of it");
      await once(stream[to], "data");
      stream[from].resetAndDestroy();
      const { bytes, how } = await heard;
      assert.deepEqual([bytes.toString(), how], ["half of it", "ECONNRESET"]);
      const ends = await Promise.all(stream.ends);
      const [here, there] = index === 0 ? ends : [ends[1], ends[0]];
      assert.equal(here.verdict, "forward.plain_reset");
      assertResetBy(there, "forward.plain_reset");
      await bothClosed(scene);
    });
  }

  it("shows a connection that was cut as a reset to both programs, and never as an end", async () => {
    await using scene = await open();
    const stream = await scene.stream();
    const heard = [hearOut(stream.program), hearOut(stream.server)];
    stream.program.write("half");
    stream.server.write("half");
    await Promise.all([once(stream.program, "data"), once(stream.server, "data")]);
    scene.cut();
    assert.deepEqual(
      (await Promise.all(heard)).map(({ how }) => how),
      ["ECONNRESET", "ECONNRESET"],
    );
    assert.deepEqual(await verdicts(stream), ["forward.cut", "forward.cut"]);
    const reasons = await bothClosed(scene);
    assert.deepEqual(
      reasons.map((reason) => reason?.code),
      ["forward.cut", "forward.cut"],
    );
  });

  it("is cut, and not ended, where only one direction had ended", async () => {
    await using scene = await open();
    const stream = await scene.stream();
    const heard = hearOut(stream.program);
    stream.program.end("the question");
    assert.equal((await hearOut(stream.server)).how, "end");
    scene.cut();
    assert.equal((await heard).how, "ECONNRESET");
    assert.deepEqual(await verdicts(stream), ["forward.cut", "forward.cut"]);
  });

  it("finds an end whose count is not what arrived", async () => {
    await using pair = await openSecuredPair(level);
    const accepter = channel(pair.accepted, "accepter");
    await using plain = await openSocketPair();
    plain.accepted.on("error", () => {});
    const heard = hearOut(plain.accepted);
    const ended = Promise.withResolvers<StreamEnd>();
    accepter.onOpen((opening) => {
      opening.accept();
      accepter.carry(plain.dialled).then(ended.resolve, ended.reject);
    });
    const peer = createForwardPeer(pair.dialled);
    peer.send("open", '{"forward":"db"}');
    assert.equal((await peer.next()).frame, "opened");
    peer.send("data", "abc");
    peer.send("end", encodeForwardEnd(4));
    assert.deepEqual(await resetCode(peer), "forward.truncated");
    assert.equal((await heard).how, "ECONNRESET");
    const { verdict, receivedBytes } = await ended.promise;
    assert.deepEqual([verdict, receivedBytes], ["forward.truncated", 3]);
  });
}

function limitTests(open: Open): void {
  for (const [limit, code] of [
    ["idleTimeoutMs", "forward.idle"],
    ["totalTimeoutMs", "forward.too_long"],
  ] as const) {
    for (const index of [0, 1] as const) {
      it(`ends by ${limit} of its ${index === 0 ? "opener" : "accepter"} at both ends, with the reason`, async () => {
        await using scene = await open();
        const options = { [limit]: SHORT_MS };
        const stream = await scene.stream(index === 0 ? [options] : [{}, options]);
        await assertEnded(stream, index, code);
        await bothClosed(scene);
      });
    }
  }

  for (const index of [0, 1] as const) {
    it(`ends by a signal at its ${index === 0 ? "opener" : "accepter"} at both ends, with the signal's reason`, async () => {
      await using scene = await open();
      const stop = new AbortController();
      const options = { signal: stop.signal };
      const stream = await scene.stream(index === 0 ? [options] : [{}, options]);
      stream.program.write("something");
      await once(stream.server, "data");
      stop.abort(new TautlineError("admission.agent_revoked", { detail: { id: "of this test" } }));
      await assertEnded(stream, index, "admission.agent_revoked");
      await bothClosed(scene);
    });
  }
}

function closingTests(open: Open): void {
  it("can refuse a stream with a reason, and is idle again", async () => {
    await using scene = await open();
    const reason = new TautlineError("forward.too_long", { detail: { timeoutMs: 5 } });
    scene.accepter.onOpen((opening) => opening.refuse(reason));
    await assert.rejects(scene.opener.open({ forward: "db" }), (error) => {
      assert.ok(isTautlineError(error) && error.code === "forward.refused");
      assert.equal(peerReasonCode(error), reason.code);
      assert.match(error.message, /'db'.*5 ms/);
      assert.equal(error.remedy, reason.remedy);
      return true;
    });
    const stream = await scene.stream();
    stream.program.end();
    stream.server.end();
    assert.deepEqual(await verdicts(stream), ["clean", "clean"]);
  });

  for (const which of ["opener", "accepter"] as const) {
    it(`closes when its ${which} says so, but after a running stream came to its end`, async () => {
      await using scene = await open();
      const stream = await scene.stream();
      const heard = hearOut(stream.server);
      scene[which].announceClose(new TautlineError("forward.cancelled"));
      stream.program.end("still carried");
      assert.equal((await heard).bytes.toString(), "still carried");
      stream.server.end();
      assert.deepEqual(await verdicts(stream), ["clean", "clean"]);
      const [here, there] = await bothClosed(scene, which);
      assert.equal(here?.code, "forward.cancelled");
      assert.equal(there?.code, "forward.closed");
      assert.equal(there && peerReasonCode(there), "forward.cancelled");
    });
  }

  it("is closed without a reason where an idle link goes away", async () => {
    await using scene = await open();
    scene.cut();
    assert.deepEqual(await bothClosed(scene), [undefined, undefined]);
    await assert.rejects(
      scene.opener.open({ forward: "db" }),
      (error) => isTautlineError(error) && error.code === "forward.cut",
    );
  });
}

function channel(secured: ForwardScene["secured"][0], role: "opener" | "accepter"): ForwardChannel {
  return new ForwardChannel({
    secured,
    role,
    now: monotonic,
    head: Buffer.alloc(0),
    address: "the peer",
  });
}

function payloads(seed: string): Buffer[] {
  return SIZES.map((outputLength) =>
    createHash("shake256", { outputLength }).update(`${seed} ${outputLength}`).digest(),
  );
}

function digest(...parts: readonly Buffer[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function monotonic(): number {
  return performance.now();
}
