import assert from "node:assert/strict";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { type CentralConfig } from "../config.ts";
import {
  bearer,
  callAdmin,
  dialTls,
  joinOver,
  newToken,
  openControl,
  poll,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { described, messageOf } from "./fixture-messages.test.ts";

const WINDOW_MS = 60_000;
const WRONG = { tokenId: "0123456789abcdef", secret: new Uint8Array(32) };

const limited = (admission: Partial<CentralConfig["admission"]>) => ({
  change: (config: CentralConfig): CentralConfig => ({
    ...config,
    admission: { ...config.admission, ...admission },
  }),
});

const guess = (test: TestCentral) => poll(test, new Uint8Array(), { headers: bearer(WRONG) });

describe("a source that fails too often on the agents' port", () => {
  it("A20: is told when to come back before its next token is looked at, a right one too", () =>
    withCentral(
      async (test) => {
        const token = await newToken(test);
        for (let time = 0; time < 3; time += 1) {
          assert.equal(problemCode(await guess(test)), "enrolment.token_unknown");
        }
        for (const headers of [bearer(WRONG), bearer(token)]) {
          const answer = await poll(test, new Uint8Array(), { headers });
          assert.equal(answer.status, 429);
          assert.equal(problemCode(answer), "admission.source_limited");
          assert.equal(answer.headers["retry-after"], String(WINDOW_MS / 1_000));
        }
        test.clock.advance(WINDOW_MS);
        await joinOver(test);
      },
      limited({ failedAttempts: 3, failedAttemptsWindow: WINDOW_MS }),
    ));

  it("A20: holds up no agent behind the same address, whatever its neighbour does", () =>
    withCentral(
      async (test) => {
        const agent = await joinOver(test);
        for (let time = 0; time < 5; time += 1) await guess(test);
        assert.equal((await guess(test)).status, 429);
        const link = await openControl(test, agent);
        link.send(messageOf(agent.id, 0, described()));
        assert.equal((await link.next()).errorResponse, undefined);
        link.close();
        await link.closed;
      },
      limited({ failedAttempts: 2, failedAttemptsWindow: WINDOW_MS }),
    ));

  it("is not one that only looks whether the port opens, as load balancers do every second", () =>
    withCentral(
      async (test) => {
        for (let time = 0; time < 5; time += 1) {
          await new Promise<void>((resolve) => {
            const socket = connect(test.agentsPort, "127.0.0.1", () => socket.end());
            socket.resume();
            socket.once("close", () => resolve());
          });
        }
        await joinOver(test);
      },
      limited({ failedAttempts: 1 }),
    ));
});

/** The first message of a handshake, as Node sends it. */
function firstMessage(): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      resolve(chunk);
      done();
    },
  });
  connectTls({ socket: wire }).on("error", () => {});
  return promise.finally(() => wire.destroy());
}

describe("a crowd at the agents' port", () => {
  it("F14: is cut before its handshake where no more may wait, and served again when there is room", () =>
    withCentral(
      async (test) => {
        const slow = connect(test.agentsPort, "127.0.0.1");
        slow.on("error", () => {});
        // It begins a handshake and leaves it at that; less than a whole first message does not even come to the gate.
        slow.write(await firstMessage());
        const begun = /tautline_queue_begun_total\{queue="handshakes"\} 1\n/;
        while (!begun.test((await callAdmin(test, "GET", "/metrics")).text)) {
          await new Promise(setImmediate);
        }
        await assert.rejects(dialTls(test.agentsPort));
        const { text } = await callAdmin(test, "GET", "/metrics");
        assert.match(text, /tautline_queue_refused_total\{queue="handshakes"\} 1\n/);
        assert.match(text, /tautline_refusals_total\{code="link.queue_full"\} 1\n/);
        slow.destroy();
        for (;;) {
          const socket = await dialTls(test.agentsPort).catch(() => undefined);
          socket?.destroy();
          if (socket !== undefined) break;
        }
      },
      limited({ handshakesAtOnce: 1, handshakesWaiting: 0 }),
    ));

  it("F9: is told at a stop of central to come back within the time that all of it takes", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      const [goodbye] = await Promise.all([link.next(), test.central.stop()]);
      const { details } = goodbye.errorResponse ?? {};
      assert.equal(details?.case, "retryInfo");
      assert.ok(details.value.retryAfterNanoseconds <= 1_000_000_000n);
    }));
});
