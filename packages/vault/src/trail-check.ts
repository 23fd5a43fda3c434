import {
  type AuditCheckpoint,
  formatTimestamp,
  isTautlineError,
  type SignedCheckpoint,
  type TrailCheckpoint,
  type TrailEnd,
  type TrailEntry,
  type TrailHead,
  type TrailLine,
} from "@tautline/protocol";
import { chainHash, GENESIS } from "./hash-chain.ts";

/** A checkpoint and the hash by which the next one names it. */
export interface OpenedCheckpoint {
  readonly checkpoint: AuditCheckpoint;
  readonly hash: string;
}

/** Where a trail is wrong: the first entry that cannot be believed, and why. */
export interface TrailFault {
  readonly at: number;
  readonly reason: string;
}

/** What was read of a trail so far. */
export interface TrailState {
  readonly head: TrailHead | undefined;
  /** Entries read. */
  readonly count: number;
  /** Number and hash of the last entry. */
  readonly seq: number;
  readonly hash: string;
  /** How many checkpoints were proven, and the last of them. */
  readonly checkpoints: number;
  readonly newest: AuditCheckpoint | undefined;
  /** The export says where it ends, and has ended there. */
  readonly isEnded: boolean;
}

/** Checks a trail line by line, whatever its length: chain, checkpoints, and that they belong together. */
export interface TrailCheck {
  readonly state: TrailState;
  /** Takes the next line; tells what is wrong with it. After a fault the rest means nothing. */
  add(line: TrailLine): TrailFault | undefined;
}

/** While a trail is followed, a checkpoint may come this many entries behind the one it names. */
const FARTHEST_BEHIND = 10_000;

/** How a checkpoint is proven; throws what is told as the reason. */
export type OpenCheckpoint = (signed: SignedCheckpoint, head: TrailHead) => OpenedCheckpoint;

/**
 * Makes the check of one trail.
 *
 * @param openCheckpoint proves a checkpoint; the vault knows of no certificates
 */
export function createTrailCheck(openCheckpoint: OpenCheckpoint): TrailCheck {
  return new Check(openCheckpoint);
}

class Check implements TrailCheck {
  readonly #open: OpenCheckpoint;
  #head: TrailHead | undefined;
  #count = 0;
  #seq = 0;
  #hash = GENESIS;
  #checkpoints = 0;
  #last: OpenedCheckpoint | undefined;
  #isEnded = false;
  /** Hashes of the latest entries, by number; checkpoints may still name them. */
  readonly #recent = new Map<number, string>();

  constructor(open: OpenCheckpoint) {
    this.#open = open;
  }

  get state(): TrailState {
    return {
      head: this.#head,
      count: this.#count,
      seq: this.#seq,
      hash: this.#hash,
      checkpoints: this.#checkpoints,
      newest: this.#last?.checkpoint,
      isEnded: this.#isEnded,
    };
  }

  add(line: TrailLine): TrailFault | undefined {
    if (this.#isEnded) return this.#fault("something stands behind the end");
    if (line.type === "trail") return this.#begin(line);
    if (this.#head === undefined) return { at: 0, reason: "it does not begin with its head" };
    if (line.type === "entry") return this.#takeEntry(line);
    if (line.type === "checkpoint") return this.#takeCheckpoint(line, this.#head);
    return this.#end(line);
  }

  #begin(head: TrailHead): TrailFault | undefined {
    if (this.#head !== undefined) return this.#fault("it begins a second time");
    if (head.seq < 0 || (head.seq === 0) !== (head.hash === GENESIS)) {
      return this.#fault("it does not begin where a trail can begin");
    }
    this.#head = head;
    this.#seq = head.seq;
    this.#hash = head.hash;
    this.#recent.set(head.seq, head.hash);
    return undefined;
  }

  #takeEntry(entry: TrailEntry): TrailFault | undefined {
    const wanted = this.#seq + 1;
    const fault = (reason: string): TrailFault => ({ at: entry.seq, reason });
    if (entry.seq !== wanted) return fault(`entry ${wanted} is missing before it`);
    if (entry.previous !== this.#hash) return fault("it does not follow the entry before it");
    if (entry.hash !== chainHash(entry.previous, entry.body)) {
      return fault("its content is not what was hashed");
    }
    this.#count += 1;
    this.#seq = entry.seq;
    this.#hash = entry.hash;
    this.#recent.set(entry.seq, entry.hash);
    this.#recent.delete(entry.seq - FARTHEST_BEHIND);
    return undefined;
  }

  #takeCheckpoint(line: TrailCheckpoint, head: TrailHead): TrailFault | undefined {
    let opened: OpenedCheckpoint;
    try {
      opened = this.#open(line.checkpoint, head);
    } catch (error) {
      if (!isTautlineError(error)) throw error;
      return this.#doubt(error.message.replace(/\.$/, ""));
    }
    const reason = this.#misfit(opened.checkpoint, head);
    if (reason !== undefined) return this.#doubt(reason);
    const { number, seq, head: signedHead, atMs } = opened.checkpoint;
    const label = `checkpoint ${number}, signed at ${formatTimestamp(atMs)}`;
    if (seq > this.#seq) {
      return this.#fault(`${label}, names entry ${seq}: the end of the trail was cut off`, 1);
    }
    if (signedHead !== this.#recent.get(seq)) {
      return this.#doubt(
        `${label}, names another hash of entry ${seq}: an entry up to it was rewritten, and all after it hashed anew`,
      );
    }
    this.#last = opened;
    this.#checkpoints += 1;
    return undefined;
  }

  /** What of a proven checkpoint does not fit what was read before it. */
  #misfit(checkpoint: AuditCheckpoint, head: TrailHead): string | undefined {
    const { central, number, seq, previous } = checkpoint;
    if (central !== head.central) return `checkpoint ${number} is of another central`;
    const last = this.#last;
    // An export from a later entry on knows nothing of the checkpoints before it.
    const isKnown = last !== undefined || head.seq === 0;
    const wanted = (last?.checkpoint.number ?? 0) + 1;
    if (isKnown && number !== wanted) return `checkpoint ${wanted} is missing before ${number}`;
    if (isKnown && previous !== (last?.hash ?? GENESIS)) {
      return `checkpoint ${number} does not follow the one before it`;
    }
    const isBehind = seq < (last?.checkpoint.seq ?? 0) || seq < this.#seq - FARTHEST_BEHIND;
    return isBehind ? `checkpoint ${number} does not stand behind its entry ${seq}` : undefined;
  }

  #end({ type, seq, hash }: TrailEnd): TrailFault | undefined {
    if (seq !== this.#seq || hash !== this.#hash) {
      return this.#fault(`it should end with entry ${seq}`, 1);
    }
    this.#isEnded = type === "end";
    return undefined;
  }

  #fault(reason: string, ahead = 0): TrailFault {
    return { at: this.#seq + ahead, reason };
  }

  /** A checkpoint vouches for what stands between it and the one before. */
  #doubt(reason: string): TrailFault {
    const proven = this.#last?.checkpoint.seq ?? this.#head?.seq ?? 0;
    return { at: Math.min(proven + 1, Math.max(this.#seq, 1)), reason };
  }
}
