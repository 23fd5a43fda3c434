import type { Backoff } from "@tautline/link";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import { wait, type Clock } from "../clock.ts";
import { boundRetryAfter } from "./server-message.ts";
import { runSession, type SessionEnd, type SessionOptions } from "./session.ts";
import type { Dial, OpenTransport } from "./transport.ts";

/** A link that was answered for this long was a good one: the next breaks starts waiting anew. */
const STABLE_MS = 10_000;

/** What the control link is doing now, for the status document. */
export interface ControlStatus {
  readonly connected: boolean;
  readonly evidence: LinkEvidence | undefined;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly lastAnswerAtMs: number | undefined;
}

/** What keeping a link to central needs. */
export interface ControlLinkOptions {
  readonly session: SessionOptions;
  readonly openTransport: OpenTransport;
  readonly dial: Dial;
  /** Asked before each round, in the order to try. */
  readonly addresses: () => readonly string[];
  readonly backoff: Backoff;
  readonly clock: Clock;
}

/** Keeps one link to central: dials every address in turn, waits with jitter, and never gives up by itself. */
export interface ControlLink {
  readonly status: ControlStatus;
  /**
   * Runs until the signal aborts.
   *
   * @param signal aborts to say goodbye and stop
   * @param maxRounds stops after so many rounds through all addresses without an answer; never by default
   * @returns why the last round failed; undefined if the signal ended it
   */
  run(signal: AbortSignal, maxRounds?: number): Promise<TautlineError | undefined>;
}

/**
 * Makes the control link of an agent that has an identity.
 *
 * @param options session, transport and dial to use; the dial alone decides on the level, and it is never changed
 */
export function createControlLink(options: ControlLinkOptions): ControlLink {
  const { clock, backoff } = options;
  let evidence: LinkEvidence | undefined;
  let lastAnswerAtMs: number | undefined;
  // opamp-spec 0.18, HTTP transport: lets a proxy or a log tell agents apart without reading messages.
  const headers = { "OpAMP-Instance-UID": options.session.agentId };
  const session: SessionOptions = {
    ...options.session,
    onAnswered(address, proven) {
      evidence = proven;
      options.session.onAnswered(address, proven);
    },
    onAnswer() {
      lastAnswerAtMs = clock.now();
      options.session.onAnswer();
    },
  };
  const oneRound = async (signal: AbortSignal): Promise<SessionEnd | undefined> => {
    let end: SessionEnd | undefined;
    for (const address of options.addresses()) {
      if (signal.aborted) return end;
      const { openTransport, dial } = options;
      end = await runSession(
        (events) => openTransport({ address, dial, events, signal, headers }),
        session,
        signal,
      );
      evidence = undefined;
      if (end.error !== undefined) session.onProblem(end.error);
      if (end.answeredForMs !== undefined) return end;
    }
    return end;
  };
  return {
    get status() {
      return { connected: evidence !== undefined, evidence, lastAnswerAtMs };
    },
    async run(signal, maxRounds = Number.POSITIVE_INFINITY) {
      for (let round = 1; ; round += 1) {
        const end = await oneRound(signal);
        if (signal.aborted) return undefined;
        if ((end?.answeredForMs ?? 0) >= STABLE_MS) backoff.reset();
        if (round >= maxRounds) return end?.error;
        await wait(clock, Math.max(backoff.next(), waitAskedFor(end)), signal);
      }
    },
  };
}

function waitAskedFor(end: SessionEnd | undefined): number {
  const seconds = end?.error?.detail["retryAfterSeconds"];
  const byHttp = typeof seconds === "number" ? boundRetryAfter(seconds * 1000) : 0;
  return Math.max(byHttp, end?.retryAfterMs ?? 0);
}
