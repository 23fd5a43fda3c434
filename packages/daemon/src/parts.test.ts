import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Part, startParts } from "./parts.ts";

/** Parts that write down what happens to them. */
function recorded(names: readonly string[]): { parts: Part[]; events: string[] } {
  const events: string[] = [];
  const parts = names.map((name) => ({
    name,
    start: async () => {
      await Promise.resolve();
      events.push(`start ${name}`);
    },
    stop: async () => {
      await Promise.resolve();
      events.push(`stop ${name}`);
    },
  }));
  return { parts, events };
}

const unexpected = (part: string, error: unknown): void =>
  assert.fail(`${part} did not stop: ${String(error)}`);

describe("startParts", () => {
  it("starts in order, one after the other, and stops in reverse", async () => {
    const { parts, events } = recorded(["a", "b", "c"]);
    const running = await startParts(parts, unexpected);
    assert.deepEqual(events, ["start a", "start b", "start c"]);
    await running.stop();
    assert.deepEqual(events.slice(3), ["stop c", "stop b", "stop a"]);
  });

  it("takes parts that only start or only stop", async () => {
    const events: string[] = [];
    const parts: Part[] = [
      { name: "a", start: () => void events.push("start a") },
      { name: "b", stop: () => void events.push("stop b") },
      { name: "c" },
    ];
    await (await startParts(parts, unexpected)).stop();
    assert.deepEqual(events, ["start a", "stop b"]);
  });

  it("stops the one that failed to start and those before it, and throws its error", async () => {
    const { parts, events } = recorded(["a", "b", "c"]);
    const failure = new Error("no port");
    parts[1] = { ...parts[1], name: "b", start: () => Promise.reject(failure) };
    await assert.rejects(startParts(parts, unexpected), failure);
    assert.deepEqual(events, ["start a", "stop b", "stop a"]);
  });

  it("goes on stopping when one part cannot, and tells which", async () => {
    const { parts, events } = recorded(["a", "b", "c"]);
    const failure = new Error("stuck");
    parts[1] = { ...parts[1], name: "b", stop: () => Promise.reject(failure) };
    const told: unknown[] = [];
    const running = await startParts(parts, (part, error) => void told.push([part, error]));
    await running.stop();
    assert.deepEqual(told, [["b", failure]]);
    assert.deepEqual(events.slice(3), ["stop c", "stop a"]);
  });

  it("goes on when a part throws at once instead of rejecting", async () => {
    const { parts, events } = recorded(["a", "b"]);
    const failure = new Error("at once");
    parts[1] = {
      name: "b",
      stop: () => {
        throw failure;
      },
    };
    const told: unknown[] = [];
    await (await startParts(parts, (part) => void told.push(part))).stop();
    assert.deepEqual(told, ["b"]);
    assert.deepEqual(events, ["start a", "stop a"]);
  });

  it("stops once, and whoever asks again waits for that same stop", async () => {
    const { parts, events } = recorded(["a"]);
    const held = Promise.withResolvers<void>();
    parts.push({ name: "slow", stop: () => held.promise });
    const running = await startParts(parts, unexpected);
    const first = running.stop();
    const second = running.stop();
    assert.equal(first, second);
    held.resolve();
    await second;
    assert.deepEqual(events, ["start a", "stop a"]);
  });
});
