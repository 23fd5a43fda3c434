import { openCheckpoint, type AuditTrust, type ProvenCheckpoint } from "@tautline/pki";
import {
  CAPABILITY_AUDIT,
  customMessage,
  decodeCheckpointNews,
  encodeAuditHead,
  encodeForkReport,
  formatTimestamp,
  TautlineError,
  toTautlineError,
  type CustomMessage,
} from "@tautline/protocol";
import type { LocalAudit } from "../instructions/local-audit.ts";
import { judgeHead } from "./head-rule.ts";
import {
  MAX_FORKS,
  openHeadMemory,
  saveHeadMemory,
  type HeadMemory,
  type RememberedFork,
} from "./head-memory.ts";

/** Remembers the newest checkpoint of central's audit trail, and finds a trail that is not the one it has seen. */
export interface AuditWatch {
  readonly memory: HeadMemory;
  /** Takes what central shows: the data of a custom message "checkpoints". Never throws. */
  receive(data: Uint8Array): void;
  /** Tells central of the forks that are remembered; it knows them already, or lost them with what it restored. */
  reportForks(): void;
  /** Writes what is not written yet. Never throws. */
  close(): void;
}

/** What the watch needs of the agent around it. */
export interface AuditWatchOptions {
  /** Path of audit-head.json. */
  readonly file: string;
  /** The root that this agent joined; asked anew each time. */
  readonly trust: () => AuditTrust;
  readonly audit: LocalAudit;
  readonly now: () => number;
  /** Puts a message into the next one to central. */
  readonly say: (message: CustomMessage) => void;
  readonly onProblem: (error: TautlineError) => void;
}

/** Between two writes of the file, and between two questions for what lies between. */
const QUIET_MS = 60_000;
/** A central that was asked so often for what lies between has nothing to show. */
const MAX_QUESTIONS = 3;

/**
 * Opens the watch.
 *
 * @param options file, root, trail, clock and where to tell
 * @throws vault codes for a file with unsafe rights
 */
export function openAuditWatch(options: AuditWatchOptions): AuditWatch {
  return new Watch(options);
}

class Watch implements AuditWatch {
  readonly #options: AuditWatchOptions;
  memory: HeadMemory;
  #isWritten = true;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #questions = 0;

  constructor(options: AuditWatchOptions) {
    this.#options = options;
    const opened = openHeadMemory(options.file, options.trust(), options.now());
    this.memory = opened.memory;
    if (opened.finding !== undefined) options.onProblem(opened.finding);
  }

  receive(data: Uint8Array): void {
    try {
      const { earlier, newest } = decodeCheckpointNews(data);
      this.#judge(earlier, openCheckpoint(newest, this.#options.trust()));
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
    }
  }

  reportForks(): void {
    for (const fork of this.memory.forks) this.#report(fork);
  }

  close(): void {
    try {
      if (!this.#isWritten) this.#write();
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
    }
  }

  #judge(earlier: readonly string[], newest: ProvenCheckpoint): void {
    const { head } = this.memory;
    const verdict = judgeHead(head, earlier, newest);
    if (verdict.kind === "newer") this.#remember(newest);
    else if (verdict.kind === "gap" && head !== undefined) this.#ask(head, newest);
    else if (verdict.kind === "fork" && head !== undefined) this.#fork(verdict.what, head, newest);
  }

  #remember(newest: ProvenCheckpoint): void {
    this.memory = { ...this.memory, head: newest };
    this.#isWritten = false;
    this.#questions = 0;
    this.#askedAtMs = Number.NEGATIVE_INFINITY;
    // A central that signs one a second must not wear out this host's disk.
    if (this.#isQuietOver(this.#writtenAtMs)) this.#write();
  }

  #ask(head: ProvenCheckpoint, newest: ProvenCheckpoint): void {
    if (!this.#isQuietOver(this.#askedAtMs)) return;
    if (this.#questions === MAX_QUESTIONS) {
      return this.#fork("it does not show how it came from there", head, newest);
    }
    this.#questions += 1;
    this.#askedAtMs = this.#options.now();
    this.#options.say(customMessage(CAPABILITY_AUDIT, "head", encodeAuditHead(head.signed)));
  }

  /** What was seen stays as evidence; from now on what is shown is followed, so that the next fork is found as well. */
  #fork(what: string, seen: ProvenCheckpoint, shown: ProvenCheckpoint): void {
    const { now, audit, onProblem } = this.#options;
    const { forks } = this.memory;
    const fork = { foundAtMs: now(), what, seen, shown };
    const isKept = forks.length < MAX_FORKS;
    this.memory = { head: shown, forks: isKept ? [...forks, fork] : forks };
    this.#questions = 0;
    this.#isWritten = false;
    onProblem(new TautlineError("audit.fork", { detail: detailOf(fork) }));
    if (!isKept) return;
    // Told first: a disk that is full must not keep it from central.
    this.#report(fork);
    this.#write();
    audit.append("audit.fork", detailOf(fork));
  }

  #report({ seen, shown }: RememberedFork): void {
    const report = encodeForkReport({ seen: seen.signed, shown: shown.signed });
    this.#options.say(customMessage(CAPABILITY_AUDIT, "fork", report));
  }

  #write(): void {
    saveHeadMemory(this.#options.file, this.memory);
    this.#isWritten = true;
    this.#writtenAtMs = this.#options.now();
  }

  /** A clock that was set back must not keep it quiet for as long as that. */
  #isQuietOver(sinceMs: number): boolean {
    const now = this.#options.now();
    return now < sinceMs || now - sinceMs >= QUIET_MS;
  }
}

function detailOf({
  what,
  seen,
  shown,
}: RememberedFork): Readonly<Record<string, string | number>> {
  const { checkpoint: old } = seen;
  const { checkpoint: other } = shown;
  return {
    what,
    seenNumber: old.number,
    seenSeq: old.seq,
    seenAt: formatTimestamp(old.atMs),
    shownNumber: other.number,
    shownSeq: other.seq,
    shownAt: formatTimestamp(other.atMs),
  };
}
