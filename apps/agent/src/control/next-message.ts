import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  AgentToServerSchema,
  CAPABILITY_STATUS,
  customMessage,
  type AgentToServer,
  type ConnectionSettingsRequest,
  type CustomMessage,
} from "@tautline/protocol";

/** Custom messages kept while none can be sent; a flood of refusals must not grow memory. */
const MAX_QUEUED = 64;

/** The parts of a full status; each is reported when it changed and whenever central asks for the full state. */
export type StatusPart =
  | "agentDescription"
  | "health"
  | "effectiveConfig"
  | "remoteConfigStatus"
  | "connectionSettingsStatus"
  | "customCapabilities";

/** A request for the next identity: OpAMP's half and ours. */
export interface IdentityRequest {
  readonly connectionSettingsRequest: ConnectionSettingsRequest;
  readonly customMessage: CustomMessage;
}

/** What the parts hold. */
export type Status = Partial<Pick<AgentToServer, StatusPart>>;

const PARTS: readonly StatusPart[] = [
  "agentDescription",
  "health",
  "effectiveConfig",
  "remoteConfigStatus",
  "connectionSettingsStatus",
  "customCapabilities",
];

/**
 * The one next message to central, being edited (the idea is opamp-go's): changes merge into it, so memory is bounded
 * however long central is away. What was sent counts as told only once central answered.
 */
export interface NextMessage {
  /** True if there is something central has not been told. */
  readonly hasNews: boolean;
  /** Replaces parts of the status and marks them as news. */
  report(parts: Status): void;
  /**
   * A new link: everything is news the first time. Later the next message tells the news and the digest of the whole, and central
   * asks for the whole if it has another.
   */
  beginLink(): void;
  /** Marks everything as news: central asked (ReportFullState). */
  reportFullState(): void;
  /** Adds a custom message; beyond 64 the oldest is dropped. */
  enqueue(message: CustomMessage): void;
  /** Puts a request for an identity into the next message, in place of one that waits already; undefined calls it off. */
  ask(request: IdentityRequest | undefined): void;
  /**
   * Makes the message: the next sequence number, the news, at most one custom message. What was taken before and is not
   * settled is told again; not so in a goodbye, which follows it over the same link.
   */
  take(options?: { readonly disconnect?: boolean }): AgentToServer;
  /** Central answered what was last taken. */
  settle(): void;
  /** The link broke before an answer: what was last taken is news again. */
  restore(): void;
}

/** What goes with a message besides what changed. */
export interface MessageSources {
  /** Makes the digest of a full status; without it every link begins with the full status. */
  readonly digestOf?: (status: Status) => Uint8Array;
  /** Says what goes with a message that has room for a custom message and nothing more pressing to say. */
  readonly filler?: () => CustomMessage | undefined;
}

/**
 * Makes the next message of an agent.
 *
 * @param agentId UUIDv7, the instance_uid
 * @param capabilities OpAMP AgentCapabilities as bits; always sent
 * @param status the first full status
 * @param sources what goes with a message besides
 */
export function createNextMessage(
  agentId: string,
  capabilities: bigint,
  status: Status,
  { digestOf, filler }: MessageSources = {},
): NextMessage {
  const instanceUid = agentIdToBytes(agentId);
  const known: Status = { ...status };
  const news = new Set<StatusPart>(PARTS);
  const queue: CustomMessage[] = [];
  let asked: IdentityRequest | undefined;
  let unsettled: Taken | undefined;
  const resumption = new Resumption(digestOf);
  let sequenceNum = 0n;

  const restore = (): void => {
    if (unsettled === undefined) return;
    for (const part of unsettled.parts) news.add(part);
    if (unsettled.custom !== undefined) queue.unshift(unsettled.custom);
    asked ??= unsettled.asked;
    unsettled = undefined;
  };
  return {
    get hasNews() {
      return news.size > 0 || queue.length > 0 || asked !== undefined;
    },
    report(parts) {
      Object.assign(known, parts);
      for (const part of PARTS) if (part in parts) news.add(part);
    },
    beginLink() {
      if (!resumption.begin(queue.length === 0 && asked === undefined)) this.reportFullState();
      // Central keeps for one link what an agent understands, and what it does not know of it never tells.
      else news.add("customCapabilities");
    },
    reportFullState: () => PARTS.forEach((part) => news.add(part)),
    enqueue(message) {
      if (queue.push(message) > MAX_QUEUED) queue.shift();
    },
    ask(request) {
      asked = request;
      if (unsettled !== undefined) unsettled = { ...unsettled, asked: undefined };
    },
    take({ disconnect = false } = {}) {
      if (!disconnect) restore();
      // A goodbye gets no answer that could be followed.
      const request = disconnect ? undefined : asked;
      const digest = resumption.take(known);
      const fill = digest === undefined ? filler : undefined;
      const custom = request === undefined ? (queue.shift() ?? fill?.()) : undefined;
      unsettled = { parts: [...news], custom, asked: request };
      asked = undefined;
      news.clear();
      const who = { instanceUid, sequenceNum: (sequenceNum += 1n), capabilities };
      return compose(who, pick(known, unsettled.parts), { ...unsettled, digest }, disconnect);
    },
    settle() {
      resumption.told(unsettled?.parts ?? []);
      unsettled = undefined;
    },
    restore,
  };
}

/** Whether a link may begin with the digest of the status in place of all of it. */
class Resumption {
  readonly #digestOf: ((status: Status) => Uint8Array) | undefined;
  /** Central has answered the full status once. */
  #wasTold = false;
  #isDue = false;

  constructor(digestOf: ((status: Status) => Uint8Array) | undefined) {
    this.#digestOf = digestOf;
  }

  /** @param hasRoom a message carries one custom message, and nothing else waits to be one */
  begin(hasRoom: boolean): boolean {
    this.#isDue = this.#wasTold && this.#digestOf !== undefined && hasRoom;
    return this.#isDue;
  }

  told(parts: readonly StatusPart[]): void {
    if (parts.length === PARTS.length) this.#wasTold = true;
  }

  /** The digest, where the next message shall carry it. */
  take(status: Status): CustomMessage | undefined {
    if (!this.#isDue) return undefined;
    this.#isDue = false;
    const digest = this.#digestOf?.(status);
    return digest && customMessage(CAPABILITY_STATUS, "unchanged", digest);
  }
}

/** What went into the message that is under way. */
interface Taken {
  readonly parts: readonly StatusPart[];
  readonly custom: CustomMessage | undefined;
  readonly asked: IdentityRequest | undefined;
}

function compose(
  who: Pick<AgentToServer, "instanceUid" | "sequenceNum" | "capabilities">,
  status: Status,
  { custom, asked, digest }: Taken & { readonly digest: CustomMessage | undefined },
  disconnect: boolean,
): AgentToServer {
  const told = custom ?? (asked === undefined ? digest : undefined);
  return create(AgentToServerSchema, {
    ...who,
    ...status,
    ...(told === undefined ? asked : { customMessage: told }),
    ...(disconnect ? { agentDisconnect: {} } : {}),
  });
}

function pick(status: Status, parts: readonly StatusPart[]): Status {
  return Object.fromEntries(
    parts.flatMap((part) => (status[part] === undefined ? [] : [[part, status[part]]])),
  );
}
