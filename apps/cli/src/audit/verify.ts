import type { X509Certificate } from "node:crypto";
import { certificatesFromPem } from "@tautline/pki";
import { TautlineError, type TrailLine } from "@tautline/protocol";
import type { TrailComparisonVerdict } from "@tautline/vault";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient, findWay } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { readInput } from "../input-file.ts";
import type { DefineVerb } from "../noun.ts";
import { type Row, textOf } from "../row.ts";
import { timeText } from "../time-text.ts";
import { type CheckedTrail, checkTrail } from "./check-trail.ts";
import { readKnownTrail } from "./known-trail.ts";
import { type ReadLine } from "./trail-lines.ts";
import { readCentralTrail, readTrailFile } from "./trail-source.ts";

interface VerifyOptions extends CentralOptions {
  readonly file?: string;
  readonly against?: string;
  readonly roots?: string;
}

const CODES = {
  rewritten: "audit.rewritten",
  restored: "audit.restored",
  truncated: "audit.truncated",
} as const;

const MAX_PEM_BYTES = 1024 * 1024;

/** `tautline audit verify`: checks the chain and the checkpoints here, not at central; exit 1 if anything is wrong. */
export const verifyAudit: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("check that nobody changed the trail")
    .description(
      "Recomputes the chain of hashes over every entry and proves every signed checkpoint from the root down; with --against " +
        "also that it is the trail that was exported or seen earlier. Exit code 1 if it was rewritten, cut off or restored, " +
        "or if agents have seen another trail.",
    )
    .option("--file <export>", "check an export (- for standard input) instead of asking a central")
    .option(
      "--against <file>",
      "compare with an earlier export, a checkpoint ('audit head --json'), or an agent's 'agent status --json'",
    )
    .option("--roots <file>", "PEM file of the root that must have certified the checkpoints")
    .action(async (options: VerifyOptions) => {
      const { source, name, rootPin } = await openSource(options, context);
      const against = await openAgainst(options, context);
      const roots = await readRoots(options.roots, context);
      const checked = await checkTrail(linesOf(source), { roots, rootPin, against, name });
      refuseDifference(checked.comparison, options.against ?? "");
      if (checked.fault !== undefined) {
        throw new TautlineError("cli.audit_broken", { detail: { ...checked.fault } });
      }
      if (options.file === undefined) await refuseForks(options, context);
      await print(checked, options, context);
    });
};

interface Source {
  readonly source: AsyncIterable<ReadLine>;
  readonly name: string;
  /** Of the root that is trusted already, where there is one. */
  readonly rootPin: string | undefined;
}

async function openSource(options: VerifyOptions, context: CommandContext): Promise<Source> {
  const { file } = options;
  if (file !== undefined) {
    const name = file === "-" ? "standard input" : file;
    return { source: readTrailFile(file, context), name, rootPin: undefined };
  }
  const way = await findWay(context, options);
  const { signal } = new AbortController();
  const source = readCentralTrail(way, { isFollowed: false }, signal);
  // Central proves itself by this root on every connection; its trail must be certified by the same.
  const rootPin = "chosen" in way ? way.chosen.rootPin : undefined;
  return { source, name: "central's trail", rootPin };
}

async function openAgainst({ against: file }: VerifyOptions, context: CommandContext) {
  return file === undefined ? undefined : { known: await readKnownTrail(file, context), file };
}

async function readRoots(
  file: string | undefined,
  context: CommandContext,
): Promise<readonly X509Certificate[] | undefined> {
  if (file === undefined) return undefined;
  return certificatesFromPem((await readInput(file, MAX_PEM_BYTES, context)).toString("utf8"));
}

async function* linesOf(source: AsyncIterable<ReadLine>): AsyncGenerator<TrailLine> {
  for await (const { line } of source) yield line;
}

function refuseDifference(verdict: TrailComparisonVerdict | undefined, file: string): void {
  if (verdict === undefined || verdict.kind === "same") return;
  const { kind, at, isExact, known } = verdict;
  const words = isExact
    ? "this entry is the first that differs"
    : `somewhere from it to entry ${known}`;
  throw new TautlineError(CODES[kind], { detail: { at, known, file, detail: words } });
}

async function refuseForks(options: VerifyOptions, context: CommandContext): Promise<void> {
  const forks = await createAdminClient(context, options).list({ path: ["audit", "forks"] });
  const open = forks.filter((fork) => fork["acknowledgedAt"] === null);
  const [first] = open;
  if (first === undefined) return;
  const detail = { count: open.length, foundAt: textOf(first, "foundAt") };
  throw new TautlineError("audit.forked", { detail });
}

async function print(
  { state, rootPin, comparison }: CheckedTrail,
  options: VerifyOptions,
  { output }: CommandContext,
): Promise<void> {
  const { count, seq, hash, checkpoints, newest } = state;
  const compared = comparison?.kind === "same" ? comparison.compared : undefined;
  const signed = newest && { number: newest.number, seq: newest.seq, at: timeText(newest.atMs) };
  const document: Row = {
    ok: true,
    count,
    seq,
    head: hash,
    checkpoints,
    signed: signed ?? null,
    rootPin,
    ...(compared === undefined ? {} : { compared }),
    ...(options.file === undefined ? {} : { isComplete: state.isEnded }),
  };
  await output.print(document, () =>
    [
      `All ${count} entries are intact. Head: ${hash}`,
      signed === undefined
        ? "No checkpoint is signed yet."
        : `${checkpoints === 1 ? "1 checkpoint is" : `${checkpoints} checkpoints are`} proven, the last one of ${signed.at} up to entry ${signed.seq}.`,
      ...(compared === undefined
        ? []
        : [`It is the trail that ${options.against} knows (${compared} compared).`]),
      ...(options.file === undefined || state.isEnded
        ? []
        : ["The export has no end: it was cut off, or is one that followed."]),
      ...(options.file === undefined || options.roots !== undefined
        ? []
        : [
            `The root is the one that the file itself names: compare its pin ${rootPin}, or give --roots.`,
          ]),
    ].join("\n"),
  );
}
