import assert from "node:assert/strict";
import { test } from "node:test";
import { createBackoff, type ForwardOpening } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import { createManualClock, type ManualClock } from "../../test/manual-clock.ts";
import {
  createReverseKeeper,
  type KeptLink,
  type ReverseKeeper,
  type ReverseKeeperOptions,
} from "./reverse-keeper.ts";

const broken = (): TautlineError =>
  new TautlineError("link.broken", { detail: { address: "c:1", reason: "it broke" } });
const OPENING = {} as ForwardOpening;

class TestLink implements KeptLink {
  isClosed = false;
  /** As central: opens a stream. */
  open: (opening: ForwardOpening) => void = () => assert.fail("nobody serves it");
  readonly #gone = Promise.withResolvers<unknown>();
  readonly gone = this.#gone.promise;
  readonly channel = {
    onOpen: (handler: (opening: ForwardOpening) => void): void => {
      this.open = handler;
    },
  };

  close(): void {
    this.isClosed = true;
    this.die();
  }

  die(reason: unknown = broken()): void {
    this.#gone.resolve(reason);
  }
}

interface Scene {
  readonly clock: ManualClock;
  readonly keeper: ReverseKeeper;
  readonly problems: TautlineError[];
  /** Dials under way, in order. */
  readonly dials: ReturnType<typeof Promise.withResolvers<TestLink>>[];
  /** Streams that are served, in order. */
  readonly served: ReturnType<typeof Promise.withResolvers<void>>[];
  /** Answers the oldest dial. */
  readonly answer: () => Promise<TestLink>;
  readonly fail: (error?: TautlineError) => Promise<void>;
}

/** What promises have to say is said. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function scene(options: Partial<ReverseKeeperOptions<TestLink>> = {}): Scene {
  const clock = createManualClock();
  const dials: Scene["dials"] = [];
  const served: Scene["served"] = [];
  const problems: TautlineError[] = [];
  const keeper = createReverseKeeper<TestLink>({
    dial: (signal) => {
      const dial = Promise.withResolvers<TestLink>();
      signal.addEventListener("abort", () => dial.reject(broken()));
      dials.push(dial);
      return dial.promise;
    },
    serve: () => {
      const stream = Promise.withResolvers<void>();
      served.push(stream);
      return stream.promise;
    },
    warm: 2,
    most: 4,
    clock,
    backoff: createBackoff({ random: () => 0.5 }),
    onProblem: (error) => problems.push(error),
    ...options,
  });
  keeper.start();
  return {
    clock,
    keeper,
    problems,
    dials,
    served,
    answer: async () => {
      const link = new TestLink();
      dials.shift()?.resolve(link);
      await settled();
      return link;
    },
    fail: async (error = broken()) => {
      dials.shift()?.reject(error);
      await settled();
    },
  };
}

test("a keeper dials as many links as are kept ready, and another as soon as central takes one", async () => {
  const { keeper, dials, answer, served } = scene();
  assert.equal(dials.length, 2);
  const first = await answer();
  await answer();
  assert.deepEqual(keeper.counts, { ready: 2, inUse: 0 });
  assert.equal(dials.length, 0);
  first.open(OPENING);
  assert.deepEqual([keeper.counts, dials.length], [{ ready: 1, inUse: 1 }, 1]);
  await answer();
  served[0]?.resolve();
  await settled();
  assert.equal(first.isClosed, true);
  assert.deepEqual([keeper.counts, dials.length], [{ ready: 2, inUse: 0 }, 0]);
});

test("a link whose next stream began before the last one was wholly over is not closed under it", async () => {
  const { answer, served, dials } = scene();
  const link = await answer();
  await answer();
  link.open(OPENING);
  link.open(OPENING);
  while (dials.length > 0) await answer();
  served[0]?.resolve();
  await settled();
  assert.equal(link.isClosed, false);
  served[1]?.resolve();
  await settled();
  assert.equal(link.isClosed, true);
});

test("a keeper dials no more than its limit, whatever central takes", async () => {
  const { keeper, dials, answer } = scene();
  for (let each = 0; each < 4; each += 1) (await answer()).open(OPENING);
  assert.deepEqual([keeper.counts, dials.length], [{ ready: 0, inUse: 4 }, 0]);
});

test("F1: while central is away a keeper waits longer each time, and tells of it once a wait", async () => {
  const { clock, dials, fail, problems, keeper } = scene();
  await fail();
  await fail();
  assert.deepEqual([problems.length, dials.length], [1, 0]);
  assert.equal(problems[0]?.code, "agent.forward_dial_failed");
  clock.advance(600_000);
  assert.equal(dials.length, 2);
  await fail();
  assert.equal(problems.length, 2);
  assert.deepEqual(keeper.counts, { ready: 0, inUse: 0 });
});

test("a link that dies unused at once counts as a dial that failed; one that was used is dialled anew at once", async () => {
  const { dials, answer, problems, served } = scene();
  const used = await answer();
  const other = await answer();
  used.open(OPENING);
  await answer();
  used.die();
  served[0]?.resolve();
  await settled();
  assert.deepEqual([problems.length, dials.length], [0, 0]);
  other.die();
  await settled();
  assert.deepEqual([problems.length, dials.length], [1, 0]);
});

test("under a new identity what is ready is dialled anew, and what is in use is closed after its stream", async () => {
  const { keeper, dials, answer, served } = scene();
  const [busy, ready] = [await answer(), await answer()];
  busy.open(OPENING);
  await answer();
  keeper.renew();
  await settled();
  assert.deepEqual([busy.isClosed, ready.isClosed, dials.length], [false, true, 2]);
  const late = await answer();
  assert.equal(late.isClosed, false);
  served[0]?.resolve();
  await settled();
  assert.equal(busy.isClosed, true);
});

test("a link whose dial began under the old identity is closed when it comes", async () => {
  const { keeper, answer } = scene();
  keeper.renew();
  assert.equal((await answer()).isClosed, true);
});

test("a keeper that stops closes what is ready, lets streams end, and dials no more", async () => {
  const { keeper, dials, answer, served } = scene();
  const [busy, ready] = [await answer(), await answer()];
  busy.open(OPENING);
  keeper.stop();
  await settled();
  assert.deepEqual([busy.isClosed, ready.isClosed], [false, true]);
  served[0]?.resolve();
  await settled();
  assert.equal(busy.isClosed, true);
  const before = dials.length;
  keeper.start();
  assert.equal(dials.length, before);
});
