import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aStream } from "./fixture-streams.test.ts";
import { createStreamUse } from "./stream-use.ts";

const ended = (agentId: string, forward: string, up: number, down: number) =>
  aStream({ agentId, forward, up, down });

describe("the use of forwards", () => {
  it("is one entry for an agent, a forward and a target, however many streams there were", () => {
    const use = createStreamUse();
    use.note(ended("a", "db", 10, 1), true);
    use.note(ended("a", "db", 20, 2), false);
    use.note(ended("b", "db", 5, 5), true);
    use.note(ended("a", "web", 1, 1), true);
    const events = use.take();
    assert.deepEqual(
      events.map(({ action, actor, subject, detail }) => [action, actor, subject, detail?.["up"]]),
      [
        ["forward.used", "agent:a", "forward:db", 30],
        ["forward.used", "agent:b", "forward:db", 5],
        ["forward.used", "agent:a", "forward:web", 1],
      ],
    );
    assert.deepEqual(events[0]?.detail, {
      namespace: "default",
      target: "192.0.2.9:5432",
      streams: 2,
      broken: 1,
      up: 30,
      down: 3,
    });
  });

  it("is told once, and what could not be written down comes first the next time", () => {
    const use = createStreamUse();
    use.note(ended("a", "db", 1, 1), true);
    const events = use.take();
    assert.deepEqual(use.take(), []);
    use.putBack(events);
    use.note(ended("b", "db", 1, 1), true);
    assert.deepEqual(
      use.take().map(({ actor }) => actor),
      ["agent:a", "agent:b"],
    );
  });
});
