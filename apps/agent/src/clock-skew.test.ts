import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import { startStandInCentral, withTempFolder } from "@tautline/testing";
import { makeTestAgent } from "../test/running-agent.ts";
import { systemClock, type Clock } from "./clock.ts";
import { readStatus } from "./status/status-reader.ts";

const HOUR_MS = 3_600_000;

function skewed(byMs: () => number): Clock {
  return { ...systemClock, now: () => Date.now() + byMs() };
}

test("F8: a clock 30 days off, either way, fails the join at once with both times, and not one message is sent", async () => {
  for (const days of [-30, 30]) {
    await withTempFolder(async (folder) => {
      const central = await startStandInCentral();
      const clock = skewed(() => days * 24 * HOUR_MS);
      const agent = makeTestAgent(join(folder, "agent"), { world: { clock } });
      try {
        await assert.rejects(agent.join(central.makeToken(), 5), (error: unknown) => {
          assert.ok(isTautlineError(error));
          assert.equal(error.code, "link.central_untimely");
          const here = new Date(clock.now()).toISOString().slice(0, 13);
          assert.ok(error.message.includes(`this host's clock says ${here}`), error.message);
          assert.match(error.message, /certificate is good from 20.* to 20/);
          return true;
        });
        assert.deepEqual(central.received, []);
      } finally {
        await central.close();
      }
    });
  }
});

const JUMPS = [
  [
    "20 minutes forth",
    20 * 60_000,
    "agent.clock_off",
    /clock is (?:20 min|19 min 59 s) ahead of central's/,
  ],
  ["an hour back", -HOUR_MS, "link.central_untimely", /one of the two clocks is wrong/],
] as const;

for (const [name, jumpMs, code, text] of JUMPS) {
  test(`F8: a clock set ${name} in mid-session is named at the next dial, and no identity is asked for`, async () => {
    await withTempFolder(async (folder) => {
      const central = await startStandInCentral();
      let byMs = 0;
      const named = Promise.withResolvers<TautlineError>();
      const onProblem = (error: TautlineError): void => {
        if (error.code === code) named.resolve(error);
      };
      const world = { clock: skewed(() => byMs), onProblem };
      const agent = makeTestAgent(join(folder, "agent"), { world });
      await agent.join(central.makeToken());
      const links = central.received.length;
      const running = agent.start();
      try {
        await central.waitFor((one) => central.received.indexOf(one) >= links);
        byMs = jumpMs;
        central.cut();
        assert.match((await named.promise).message, text);
        const status = await readStatus(agent.folder);
        const seconds = status.central.clockOffsetSeconds ?? 0;
        assert.ok(Math.abs(seconds + jumpMs / 1000) <= 2, `${seconds} s`);
        assert.ok(central.received.every(({ message }) => message.customMessage?.type !== "renew"));
      } finally {
        await running.stop();
        await central.close();
      }
    });
  });
}
