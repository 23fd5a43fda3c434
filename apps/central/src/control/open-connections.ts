import type { Duplex } from "node:stream";
import type { TautlineError } from "@tautline/protocol";
import type { PolicyKind } from "../policy/policy-kind.ts";
import type { Caller } from "./caller.ts";

/** A connection whose caller was let in, whatever it does on it. */
export interface OpenConnection {
  readonly caller: Caller;
  /** What it was asked for last. */
  readonly kind: PolicyKind;
  /** It came by a port that is none of the agents', whose settings are not its business. */
  readonly isElsewhere: boolean;
  /** The agent that a token's holder asked to become, once it has said so. */
  agentId(): string | undefined;
  /** Ends it, telling the caller why where its protocol can. Never throws. */
  end(reason: TautlineError): void;
}

/** A connection on which something is asked for. */
export interface ArrivingConnection {
  readonly socket: Duplex;
  readonly kind: PolicyKind;
  /** It came by a port that is none of the agents'. */
  readonly isElsewhere?: boolean;
}

/** How the protocol on a connection is ended with a word of explanation. */
export interface ConnectionVoice {
  readonly agentId: () => string | undefined;
  /** Says why and closes; whoever does not close its end is cut by the protocol's own time limit, of 2 s. */
  readonly end: (reason: TautlineError) => void;
}

/**
 * The connections of this process whose callers were let in: links, polling, joining and renewing alike. Who was let in can be
 * shown out again (A28).
 */
export interface OpenConnections {
  /**
   * Lets a caller in. If anybody's right ended meanwhile, the caller is judged once more: between its judgement and its being
   * in this table nobody else could have found it.
   *
   * @param arriving its connection, and the kind of link it is to be
   * @param judge reads the records; throws the refusal
   */
  admit(arriving: ArrivingConnection, judge: () => Promise<Caller>): Promise<Caller>;
  /** Gives the connection of an admitted caller a voice; without one it is just cut. */
  giveVoice(caller: Caller, voice: ConnectionVoice): void;
  /** Whoever is being judged now is judged again. Call it before `all`. */
  judgeAgain(): void;
  all(): readonly OpenConnection[];
  /** Whether the caller on a connection was let in. */
  has(socket: Duplex): boolean;
}

interface Entry extends OpenConnection {
  readonly caller: Caller;
  voice: ConnectionVoice | undefined;
}

/** Makes the empty table. */
export function createOpenConnections(): OpenConnections {
  const bySocket = new Map<Duplex, Entry>();
  const byCaller = new WeakMap<Caller, Entry>();
  let round = 0;
  return {
    admit: async (arriving, judge) => {
      const { socket } = arriving;
      for (;;) {
        const before = round;
        const caller = await judge();
        if (round !== before) continue;
        const entry = entryOf(arriving, caller);
        if (!bySocket.has(socket)) socket.once("close", () => bySocket.delete(socket));
        if (!socket.destroyed) bySocket.set(socket, entry);
        byCaller.set(caller, entry);
        return caller;
      }
    },
    giveVoice: (caller, voice) => {
      const entry = byCaller.get(caller);
      if (entry !== undefined) entry.voice = voice;
    },
    judgeAgain: () => void (round += 1),
    all: () => [...bySocket.values()],
    has: (socket) => bySocket.has(socket),
  };
}

function entryOf(arriving: ArrivingConnection, caller: Caller): Entry {
  const { socket, kind, isElsewhere = false } = arriving;
  const entry: Entry = {
    caller,
    kind,
    isElsewhere,
    voice: undefined,
    agentId: () => entry.voice?.agentId(),
    end: (reason) => {
      if (entry.voice === undefined) socket.destroy();
      else entry.voice.end(reason);
    },
  };
  return entry;
}
