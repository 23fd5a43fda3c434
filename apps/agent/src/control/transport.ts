import type { SecuredSocket } from "@tautline/link";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import type { TimeQuestion } from "./central-clock.ts";

/**
 * Dials one address of central at a fixed level. There is no other way to reach central, so nothing can lower the level (DESIGN
 * "Levels").
 *
 * @throws link.* codes, agent.below_floor, agent.key_*
 */
export type Dial = (address: string, signal: AbortSignal) => Promise<SecuredSocket>;

/** What a transport tells the session; each is called from the event loop, never from within `send`. */
export interface TransportEvents {
  /** One encoded ServerToAgent, unframed. */
  onMessage(bytes: Uint8Array): void;
  /** Nothing more will come; called once, also after `close`. */
  onClosed(error: TautlineError | undefined): void;
}

/**
 * Carries encoded messages between this agent and central and knows nothing of their meaning.
 *
 * The session sends one message at a time and waits for an answer, so implementations need no queue.
 */
export interface ControlTransport {
  /** "host:port" that was dialled. */
  readonly address: string;
  /** What the link, or the latest of its connections, really negotiated. */
  readonly evidence: LinkEvidence;
  /** Sends one encoded AgentToServer; what goes wrong arrives at `onClosed`. */
  send(bytes: Uint8Array): void;
  /** Sends what was handed over and ends the link in an orderly way; resolves when it is down. */
  close(): Promise<void>;
}

/** How a transport is opened; each implementation makes one of these. */
export type OpenTransport = (options: {
  readonly address: string;
  readonly dial: Dial;
  readonly events: TransportEvents;
  readonly signal: AbortSignal;
  /** Sent with each HTTP request, such as the join credential. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Asks central's time with each request; left out where nobody wants to know. */
  readonly askTime?: (() => TimeQuestion) | undefined;
}) => Promise<ControlTransport>;
