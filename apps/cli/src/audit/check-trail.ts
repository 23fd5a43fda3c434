import type { X509Certificate } from "node:crypto";
import { openCheckpoint, readNamedRoot, spkiPin } from "@tautline/pki";
import {
  isTautlineError,
  type SignedCheckpoint,
  TautlineError,
  type TrailEntry,
  type TrailHead,
  type TrailLine,
} from "@tautline/protocol";
import {
  compareTrail,
  createTrailCheck,
  type KnownPoint,
  type TrailCheck,
  type TrailComparison,
  type TrailComparisonVerdict,
  type TrailFault,
  type TrailState,
} from "@tautline/vault";
import type { KnownTrail } from "./known-trail.ts";

/** What a trail is checked by. */
export interface CheckOptions {
  /** Who must have certified its checkpoints; without them the root that the trail itself names. */
  readonly roots: readonly X509Certificate[] | undefined;
  /** SHA-256 of the key of the root that it must name, in hex; undefined where any may be named. */
  readonly rootPin: string | undefined;
  /** What is known of it from elsewhere, and what that is called. */
  readonly against: { readonly known: KnownTrail; readonly file: string } | undefined;
  /** What the trail is called. */
  readonly name: string;
}

/** What checking found. */
export interface CheckedTrail {
  readonly state: TrailState;
  readonly fault: TrailFault | undefined;
  /** Pin of the root that the trail names. */
  readonly rootPin: string;
  readonly comparison: TrailComparisonVerdict | undefined;
}

/**
 * Checks a trail from its first line to its last: the chain, every checkpoint from the root down, and what is known of it from elsewhere.
 *
 * @param lines the trail as exported
 * @param options by what
 * @throws audit.* where one of the two is not what it should be; what is wrong with the trail itself is returned
 */
export async function checkTrail(
  lines: AsyncIterable<TrailLine>,
  options: CheckOptions,
): Promise<CheckedTrail> {
  const check = createCheck(options.roots);
  let trail: Trail | undefined;
  let fault: TrailFault | undefined;
  for await (const line of lines) {
    // After a fault the comparison may still say what kind of change it was.
    fault ??= check.add(line);
    if (line.type === "trail") trail ??= await beginTrail(line, options);
    for (const each of trail?.comparisons ?? []) {
      if (line.type === "entry") await each.note(comparedEntry(line));
    }
  }
  if (trail === undefined) throw malformedHead(options.name, "there is no first line");
  const comparison = await worstOf(trail.comparisons);
  return { state: check.state, fault, rootPin: trail.rootPin, comparison };
}

interface Trail {
  readonly rootPin: string;
  /** One with an export, or one with each checkpoint: those that an agent remembers may be of two branches. */
  readonly comparisons: readonly TrailComparison[];
}

/** The first difference of all; where there is none, how much was compared. */
async function worstOf(
  comparisons: readonly TrailComparison[],
): Promise<TrailComparisonVerdict | undefined> {
  let worst: TrailComparisonVerdict | undefined;
  let compared = 0;
  for (const each of comparisons) {
    const verdict = await each.finish();
    if (verdict.kind === "same") compared += verdict.compared;
    else if (worst?.kind === undefined || worst.kind === "same" || verdict.at < worst.at)
      worst = verdict;
  }
  return worst ?? (comparisons.length === 0 ? undefined : { kind: "same", compared });
}

async function beginTrail(head: TrailHead, options: CheckOptions): Promise<Trail> {
  const root = readRoot(head, options.name);
  const rootPin = pinOf(root);
  const pins = options.roots?.map(pinOf) ?? [options.rootPin ?? rootPin];
  if (!pins.includes(rootPin)) {
    const reason = "its root is not the one that was given";
    throw new TautlineError("audit.another_central", { detail: { file: options.name, reason } });
  }
  const { against } = options;
  if (against === undefined) return { rootPin, comparisons: [] };
  const { known, file } = against;
  const whose = { head, roots: options.roots ?? [root], file };
  const points =
    known.kind === "export"
      ? [exportPoints(known.lines, whose)]
      : known.checkpoints.map((signed) => checkpointPoint(signed, whose));
  return { rootPin, comparisons: points.map((each) => compareTrail(each)) };
}

interface Against {
  /** Of the trail that is checked. */
  readonly head: TrailHead;
  readonly roots: readonly X509Certificate[];
  readonly file: string;
}

/** Known is only what holds together itself. */
async function* exportPoints(
  lines: AsyncIterator<TrailLine>,
  { head, roots, file }: Against,
): AsyncGenerator<KnownPoint> {
  const check = createCheck(roots);
  for (let step = await lines.next(); step.done !== true; step = await lines.next()) {
    const line = step.value;
    const fault = check.add(line);
    if (fault !== undefined) {
      throw new TautlineError("audit.export_broken", { detail: { file, ...fault } });
    }
    if (line.type === "trail") refuseOther(line, head, file);
    if (line.type !== "entry") continue;
    yield { seq: line.seq, hash: line.hash, atMs: timeOf(line) };
  }
}

function checkpointPoint(
  signed: SignedCheckpoint,
  { head, roots, file }: Against,
): AsyncIterator<KnownPoint> {
  const { trustDomain, central } = head;
  const { checkpoint } = openCheckpoint(signed, { roots, trustDomain });
  if (checkpoint.central !== central) throw anotherCentral(file);
  const { seq, head: hash, atMs } = checkpoint;
  return onePoint({ seq, hash, atMs });
}

async function* onePoint(point: KnownPoint): AsyncGenerator<KnownPoint> {
  yield point;
}

function refuseOther(known: TrailHead, head: TrailHead, file: string): void {
  if (known.central !== head.central || known.trustDomain !== head.trustDomain) {
    throw anotherCentral(file);
  }
}

function anotherCentral(file: string): TautlineError {
  const reason = "its database has another id";
  return new TautlineError("audit.another_central", { detail: { file, reason } });
}

function createCheck(roots: readonly X509Certificate[] | undefined): TrailCheck {
  return createTrailCheck((signed, head) =>
    openCheckpoint(signed, {
      roots: roots ?? [readRoot(head, "the trail")],
      trustDomain: head.trustDomain,
    }),
  );
}

function readRoot({ root: pem }: TrailHead, name: string): X509Certificate {
  try {
    return readNamedRoot(pem);
  } catch (cause) {
    if (!isTautlineError(cause)) throw cause;
    throw malformedHead(name, String(cause.detail["reason"]), cause);
  }
}

function malformedHead(file: string, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("audit.export_malformed", { cause, detail: { line: 1, file, reason } });
}

function pinOf(root: X509Certificate): string {
  return spkiPin(root).toString("hex");
}

function comparedEntry(entry: TrailEntry) {
  return { seq: entry.seq, hash: entry.hash, atMs: () => timeOf(entry) };
}

/** A text that is no entry was written at no time. */
function timeOf({ body }: TrailEntry): number {
  try {
    const { at } = JSON.parse(body) as { at?: unknown };
    return typeof at === "string" ? Date.parse(at) : Number.NaN;
  } catch (error) {
    if (isTautlineError(error)) throw error;
    return Number.NaN;
  }
}
