import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { bundleProgram } from "../bundle.ts";
import { batchFiles, writeBatches } from "./batches.ts";
import { cacheFolder, startingEnvironment } from "./environment.ts";
import { runStageProcess, type StageOrder } from "./stage-process.ts";
import { testArguments, testFiles, type Checks, type Stage, type Tests } from "./stages.ts";
import { NO_PROGRESS, type Progress, type Totals } from "./totals.ts";

/** Where and how stages run. */
export interface StageSetting {
  /** The repository's folder. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  /** The clock of the ceilings; this machine's unless told. */
  readonly startCeiling?: StageOrder["startCeiling"] | undefined;
}

/** What a stage came to. */
export interface StageResult extends Totals {
  readonly verdict: "passed" | "FAILED" | "none";
  readonly failures: readonly string[];
  /** What else is worth a word on the stage's line. */
  readonly remark: string;
}

/** Runs one stage. A stage for which nothing has been written yet is `none`, never passed. */
export function runStage(stage: Stage, setting: StageSetting): Promise<StageResult> {
  const order = {
    folder: setting.root,
    environment: setting.environment,
    ceilingMs: stage.minutes * 60_000,
    startCeiling: setting.startCeiling,
  };
  return "commands" in stage.work
    ? runChecks(stage.work, order, setting)
    : runTests(stage.work, order, setting);
}

type Order = Pick<StageOrder, "folder" | "environment" | "ceilingMs" | "startCeiling">;

async function runChecks(
  { commands }: Checks,
  order: Order,
  { print }: StageSetting,
): Promise<StageResult> {
  const failures: string[] = [];
  for (const args of commands) {
    let output = "";
    const onOutput = (text: string): void => void (output += text);
    const { ok, reason } = await runStageProcess({ ...order, args, onOutput });
    if (ok) continue;
    const [script = "", ...flags] = args;
    const words = [basename(script), ...flags, reason].filter((word) => word !== "");
    failures.push(words.join(" "));
    print(`\nFAILED: ${words.join(" ")}\n${output}\n`);
  }
  return {
    passed: commands.length - failures.length,
    failed: failures.length,
    skipped: 0,
    verdict: failures.length === 0 ? "passed" : "FAILED",
    failures,
    remark: "",
  };
}

async function runTests(work: Tests, order: Order, setting: StageSetting): Promise<StageResult> {
  const files = testFiles(setting.root, work);
  if (files.length === 0) {
    return { ...NO_PROGRESS, verdict: "none", remark: `no ${work.globs.join(", ")}` };
  }
  const added = work.startsProcesses === true ? await bundled(setting.root) : {};
  const environment = { ...order.environment, ...added };
  const run = (paths: readonly string[]): Promise<StageResult> =>
    runFiles(paths, work, { ...order, environment }, setting);
  if (work.filesEach === undefined) return run(files);
  const folder = mkdtempSync(join(tmpdir(), "tautline-batches-"));
  try {
    const batches = writeBatches(batchFiles(files, work.filesEach), setting.root, folder);
    return await run(batches);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bundles the program anew, so that no stage runs yesterday's. */
async function bundled(root: string): Promise<Record<string, string>> {
  return startingEnvironment(root, await bundleProgram(root, cacheFolder(root, "bundle")));
}

async function runFiles(
  files: readonly string[],
  work: Tests,
  order: Order,
  setting: StageSetting,
): Promise<StageResult> {
  let progress: Progress = NO_PROGRESS;
  const { ok, reason } = await runStageProcess({
    ...order,
    args: testArguments(files, work),
    onOutput: setting.print,
    onMessage: (message) => (progress = message as Progress),
  });
  const failures = [...progress.failures];
  if (reason !== "") {
    const during = reason.startsWith("was stopped")
      ? `, during ${progress.running.join(", ")}`
      : "";
    failures.push(`the stage ${reason}${during}`);
  } else if (!ok && failures.length === 0) {
    failures.push("the test runner ended with an error, without naming a test");
  }
  const { passed, skipped, coverage = "" } = progress;
  const failed = failures.length;
  return {
    passed,
    failed,
    skipped,
    verdict: failed === 0 ? "passed" : "FAILED",
    failures,
    remark: coverage,
  };
}
