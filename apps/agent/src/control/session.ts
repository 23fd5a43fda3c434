import {
  decodeServerToAgent,
  encodeAgentToServer,
  LIMITS,
  TautlineError,
  toTautlineError,
  type LinkEvidence,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import type { NextMessage } from "./next-message.ts";
import { readServerMessage, type ServerWord } from "./server-message.ts";
import type { ControlTransport, TransportEvents } from "./transport.ts";

/** Messages sent beside the heartbeats within one heartbeat; a central that asks on and on is made to wait. */
const MAX_FOLLOW_UPS = 100;

/** A central under load is given so long, however often it is asked. */
const SHORTEST_ANSWER_MS = 5_000;

/** A word that would change this agent, or what it remembers of central. */
export type Order = Extract<
  ServerWord,
  { kind: "instruction" | "unsigned" | "grant" | "audit" | "certificate" | "promotion" }
>;

/** How one link ended. */
export interface SessionEnd {
  /** How long central had been answering; undefined if it never did. */
  readonly answeredForMs: number | undefined;
  /** Undefined if this agent ended it. */
  readonly error: TautlineError | undefined;
  /** What central asked to wait, bounded. */
  readonly retryAfterMs: number | undefined;
}

/** What a session needs from the agent around it. */
export interface SessionOptions {
  readonly agentId: string;
  readonly nextMessage: NextMessage;
  readonly clock: Clock;
  readonly answerTimeoutMs: number;
  /** Time between two messages when there is no news; asked anew each time. */
  readonly heartbeatMs: () => number;
  /** The first answer came: only now is the agent connected (DESIGN promise 4). */
  readonly onAnswered: (address: string, evidence: LinkEvidence) => void;
  /** Each later answer. */
  readonly onAnswer: () => void;
  readonly onOrder: (order: Order) => void;
  /** Something to log and show that does not end the session. */
  readonly onProblem: (error: TautlineError) => void;
}

/** A session whose transport is open and over which nothing was said yet. */
export interface OpenedSession {
  readonly address: string;
  /** Speaks until the link breaks, the session is retired or the signal aborts; then closes the transport. */
  run(signal: AbortSignal): Promise<SessionEnd>;
  /** Ends it without a goodbye: the agent stays, over another link. */
  retire(): void;
  /** Tells the news now instead of at the next heartbeat, unless a message is under way or none was answered yet. */
  wake(): void;
}

/**
 * Opens a transport for a session.
 *
 * @param open opens the transport and wires it to the session
 * @param options the agent around it
 * @throws what `open` throws
 */
export async function openSession(
  open: (events: TransportEvents) => Promise<ControlTransport>,
  options: SessionOptions,
): Promise<OpenedSession> {
  const session = new ControlSession(options);
  const transport = await open(session);
  return {
    address: transport.address,
    run: (signal) => session.run(transport, signal),
    retire: () => session.retire(),
    wake: () => session.wake(),
  };
}

/**
 * Speaks OpAMP over one open transport until it breaks or the signal aborts; the same code for every transport.
 *
 * One message is under way at a time; a message without an answer in time ends the session. An error reply ends it too, or
 * is only reported if central had been answering; it never changes what this agent is (A4).
 *
 * @param open opens the transport and wires it to the session
 * @param options the agent around it
 * @param signal aborts to say goodbye (agent_disconnect) and close
 */
export async function runSession(
  open: (events: TransportEvents) => Promise<ControlTransport>,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<SessionEnd> {
  try {
    const session = await openSession(open, options);
    return await session.run(signal);
  } catch (error) {
    return neverOpened(error);
  }
}

/**
 * How a session ended whose transport could not be opened.
 *
 * @param error why
 */
export function neverOpened(error: unknown): SessionEnd {
  return { answeredForMs: undefined, error: toTautlineError(error), retryAfterMs: undefined };
}

/** What central says of the link itself; another message over it would be answered the same. */
function isAboutLink({ detail }: TautlineError): boolean {
  const { code } = detail;
  return typeof code === "string" && /^(admission|pki|policy)\./.test(code);
}

class ControlSession implements TransportEvents {
  readonly #options: SessionOptions;
  readonly #ended = Promise.withResolvers<SessionEnd>();
  #transport: ControlTransport | undefined;
  #answeredAtMs: number | undefined;
  #awaitsAnswer = false;
  #followUps = 0;
  #isOver = false;
  #callOffHeartbeat = (): void => {};
  #callOffDeadline = (): void => {};

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  async run(transport: ControlTransport, signal: AbortSignal): Promise<SessionEnd> {
    this.#transport = transport;
    // In a microtask: a message that is being followed when the agent decides to stop is followed to its end.
    const leave = (): void => queueMicrotask(() => this.#leave());
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) this.#leave();
    if (!this.#isOver) {
      this.#options.nextMessage.beginLink();
      this.#send();
    }
    const end = await this.#ended.promise;
    signal.removeEventListener("abort", leave);
    await transport.close();
    return end;
  }

  retire(): void {
    this.#end(undefined);
  }

  wake(): void {
    if (this.#answeredAtMs !== undefined) this.#followUp();
  }

  onMessage(bytes: Uint8Array): void {
    // OpAMP: the agent speaks first; what comes before its first message answers nothing.
    if (this.#isOver || this.#transport === undefined) return;
    try {
      const message = decodeServerToAgent(bytes, LIMITS.opampMessageBytes.value);
      this.#follow(readServerMessage(message, this.#options.agentId));
    } catch (error) {
      const ours = toTautlineError(error);
      if (ours.code === "agent.foreign_message") this.#options.onProblem(ours);
      else this.#end(ours);
    }
  }

  onClosed(error: TautlineError | undefined): void {
    this.#end(
      error ??
        new TautlineError("agent.link_closed", { detail: { address: this.#address, reason: "" } }),
    );
  }

  get #address(): string {
    return this.#transport?.address ?? "?";
  }

  #follow(words: readonly ServerWord[]): void {
    const refusal = words.find((word) => word.kind === "error");
    if (refusal !== undefined) return this.#refused(refusal);
    this.#answered();
    for (const word of words) {
      if (word.kind === "report_full_state") this.#options.nextMessage.reportFullState();
      else if (word.kind !== "error") this.#options.onOrder(word);
    }
    this.#followUp();
  }

  #refused(word: Extract<ServerWord, { kind: "error" }>): void {
    if (word.mayRetry || this.#answeredAtMs === undefined || isAboutLink(word.error)) {
      return this.#end(word.error, word.retryAfterMs);
    }
    // OpAMP: a message answered by BadRequest must not be sent again; the link itself is in order.
    this.#settle();
    this.#options.onProblem(word.error);
  }

  #answered(): void {
    this.#settle();
    const isFirst = this.#answeredAtMs === undefined;
    this.#answeredAtMs ??= this.#options.clock.elapsed();
    if (this.#transport !== undefined && isFirst) {
      this.#options.onAnswered(this.#transport.address, this.#transport.evidence);
    }
    this.#options.onAnswer();
  }

  #settle(): void {
    this.#awaitsAnswer = false;
    this.#callOffDeadline();
    this.#options.nextMessage.settle();
  }

  #followUp(): void {
    if (this.#isOver || this.#awaitsAnswer || !this.#options.nextMessage.hasNews) return;
    if (this.#followUps === MAX_FOLLOW_UPS) {
      const detail = { limit: MAX_FOLLOW_UPS };
      this.#options.onProblem(new TautlineError("agent.too_many_answers", { detail }));
    }
    this.#followUps += 1;
    if (this.#followUps <= MAX_FOLLOW_UPS) this.#send();
  }

  #beat(): void {
    this.#followUps = 0;
    if (!this.#awaitsAnswer) this.#send();
    else this.#armHeartbeat();
  }

  #send(): void {
    const { nextMessage, clock } = this.#options;
    const answerTimeoutMs = this.#answerTimeoutMs();
    this.#awaitsAnswer = true;
    this.#callOffDeadline = clock.after(answerTimeoutMs, () => {
      const detail = { address: this.#address, seconds: Math.round(answerTimeoutMs / 1000) };
      this.#end(new TautlineError("agent.central_silent", { detail }));
    });
    this.#armHeartbeat();
    this.#transport?.send(encodeAgentToServer(nextMessage.take()));
  }

  /** F4: a link that has stopped is found within two heartbeats, one until a message goes out and one without its answer. */
  #answerTimeoutMs(): number {
    const { answerTimeoutMs, heartbeatMs } = this.#options;
    if (this.#answeredAtMs === undefined) return answerTimeoutMs;
    return Math.min(answerTimeoutMs, Math.max(SHORTEST_ANSWER_MS, heartbeatMs()));
  }

  #armHeartbeat(): void {
    this.#callOffHeartbeat();
    this.#callOffHeartbeat = this.#options.clock.after(this.#options.heartbeatMs(), () =>
      this.#beat(),
    );
  }

  #leave(): void {
    if (this.#isOver) return;
    if (this.#answeredAtMs !== undefined) {
      const goodbye = this.#options.nextMessage.take({ disconnect: true });
      this.#transport?.send(encodeAgentToServer(goodbye));
    }
    this.#end(undefined);
  }

  #end(error: TautlineError | undefined, retryAfterMs?: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#callOffHeartbeat();
    this.#callOffDeadline();
    this.#options.nextMessage.restore();
    const { clock } = this.#options;
    const answeredForMs =
      this.#answeredAtMs === undefined ? undefined : clock.elapsed() - this.#answeredAtMs;
    this.#ended.resolve({ answeredForMs, error, retryAfterMs });
  }
}
