/** Presents tokens that are wrong, driven over its channel: at a rate over kept connections, or on a new connection each. */
import { Agent, request } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { answerQuestions } from "./worker.ts";

/** How many a second, for how long, and whether each opens a connection of its own. */
export interface BadTokenOrder {
  readonly port: number;
  readonly perSecond: number;
  readonly durationMs: number;
  readonly isNewConnection: boolean;
}

/** What came of it. */
export interface BadTokenOutcome {
  readonly sentPerSecond: number;
  readonly refusedPerSecond: number;
  readonly failed: number;
}

const CONNECTIONS = 64;
const TICK_MS = 5;

answerQuestions({
  call: async (order: BadTokenOrder): Promise<BadTokenOutcome> => {
    const { perSecond, durationMs, isNewConnection } = order;
    // An agent hands a connection on to whoever waits for one, even where none shall be kept.
    const agent = isNewConnection ? false : new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const count = { sent: 0, refused: 0, failed: 0, open: 0 };
    const began = performance.now();
    const underWay: Promise<void>[] = [];
    while (performance.now() - began < durationMs) {
      const due = ((performance.now() - began) * perSecond) / 1000;
      // An unbounded queue would measure this caller, not central.
      while (count.sent < due && count.open < 4 * CONNECTIONS) {
        count.sent += 1;
        count.open += 1;
        underWay.push(callOnce(order.port, agent, count.sent, count));
      }
      await wait(TICK_MS);
    }
    await Promise.all(underWay);
    const seconds = (performance.now() - began) / 1000;
    if (agent !== false) agent.destroy();
    const { sent, refused, failed } = count;
    return { sentPerSecond: sent / seconds, refusedPerSecond: refused / seconds, failed };
  },
});

function callOnce(
  port: number,
  agent: Agent | false,
  number: number,
  count: { refused: number; failed: number; open: number },
): Promise<void> {
  const credential = `${number.toString(16).padStart(16, "0")}.${"A".repeat(43)}`;
  return new Promise((resolve) => {
    const done = (outcome: "refused" | "failed"): void => {
      count[outcome] += 1;
      count.open -= 1;
      resolve();
    };
    const call = request(
      {
        host: "127.0.0.1",
        port,
        path: "/v1/opamp",
        method: "POST",
        agent,
        rejectUnauthorized: false,
        minVersion: "TLSv1.3",
        headers: {
          authorization: `Bearer ${credential}`,
          "content-type": "application/x-protobuf",
          "content-length": 0,
        },
      },
      (answer) => {
        answer.resume();
        answer.once("end", () => done(answer.statusCode === 401 ? "refused" : "failed"));
        answer.once("error", () => {});
      },
    );
    call.once("error", () => done("failed"));
    call.end();
  });
}

process.on("SIGTERM", () => process.exit(0));
process.once("disconnect", () => process.exit(0));
