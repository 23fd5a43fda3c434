import { relative, resolve } from "node:path";
import type { EventData } from "node:test";
import type { TestEvent } from "node:test/reporters";
import { membersOf } from "./batches.ts";
import { formatCoverage, formatLeastCovered, missedThresholds } from "./coverage-report.ts";
import { describeError } from "./describe-error.ts";
import type { Progress } from "./totals.ts";

/**
 * A reporter for node:test: silent about tests that pass, it shows each failure whole and each skip with its reason,
 * and sends the counts so far to the process that started this one, so that they survive a kill.
 *
 * Source: https://nodejs.org/api/test.html#custom-reporters
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const reporter = createReporter();
  for await (const event of events) {
    const text = reporter.take(event);
    if (text === undefined) continue;
    process.send?.(reporter.progress());
    if (text !== "") yield text;
  }
}

/** How much of one test file's own output is kept for the case that a test in it fails. */
const LONGEST_OUTPUT = 20_000;

/** The reporter without its plumbing: `take` gives the text to print, or undefined for an event that changes nothing. */
export function createReporter(): {
  take: (event: TestEvent) => string | undefined;
  progress: () => Progress;
} {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  const running = new Set<string>();
  /** Tests that failed in files that have not ended; what they left open may be what these wait for. */
  const broken = new Map<string, string[]>();
  const output = new Map<string, string>();
  /** In which process's file each test file runs. */
  const homes = new Map<string, string>();
  const names: string[] = [];
  let coverage: string | undefined;

  const fullName = ({ name, nesting }: EventData.TestStart | EventData.TestFail): string =>
    [...names.slice(0, nesting), name].join(" > ");

  const skip = (event: EventData.TestPass | EventData.TestFail): string => {
    counts.skipped += 1;
    const reason = event.skip ?? event.todo;
    const why = typeof reason === "string" ? reason : "no reason given";
    return `skipped: ${fullName(event)}: ${why}\n`;
  };

  const pass = (event: EventData.TestPass): string | undefined => {
    if (event.details.type === "suite") return undefined;
    if (event.skip !== undefined || event.todo !== undefined) return skip(event);
    counts.passed += 1;
    return "";
  };

  const fail = (event: EventData.TestFail): string | undefined => {
    const { error, type } = event.details;
    const onlyInner = "failureType" in error && error.failureType === "subtestsFailed";
    if (type === "suite" && onlyInner) return undefined;
    if (event.todo !== undefined) return skip(event);
    counts.failed += 1;
    const place = `${shortPath(event.file)}:${event.line ?? 1}`;
    failures.push(`${fullName(event)}  (${place})`);
    if (onlyInner) return "";
    const file = homes.get(resolve(event.file ?? "")) ?? "";
    const said = output.get(file) ?? "";
    output.delete(file);
    const printed = said === "" ? "" : `\nOutput of ${shortPath(event.file)}:\n${said}`;
    return `\nFAILED: ${fullName(event)}\n  at ${place}\n${indent(describeError(error) + printed)}\n\n`;
  };

  const complete = ({ name, file, details }: EventData.TestComplete): string | undefined => {
    if (running.delete(name)) return "";
    const home = homes.get(resolve(file ?? ""));
    if (details.passed || details.type === "suite" || home === undefined) return undefined;
    broken.set(home, [...(broken.get(home) ?? []), name]);
    return "";
  };

  const stillRunning = (file: string): string => {
    const failed = broken.get(resolve(file)) ?? [];
    return failed.length === 0 ? file : `${file}, where '${failed.join("', '")}' failed`;
  };

  const hear = (event: EventData.TestStdout): undefined => {
    const file = resolve(event.file);
    output.set(file, ((output.get(file) ?? "") + event.message).slice(-LONGEST_OUTPUT));
  };

  const measure = (summary: EventData.TestCoverage["summary"]): string => {
    coverage = formatCoverage(summary);
    const missed = missedThresholds(summary);
    counts.failed += missed.length;
    failures.push(...missed);
    return missed.length === 0
      ? ""
      : `\nFAILED: ${missed.join("; ")}\n${formatLeastCovered(summary)}\n`;
  };

  const take = (event: TestEvent): string | undefined => {
    switch (event.type) {
      case "test:start":
        names[event.data.nesting] = event.data.name;
        return undefined;
      case "test:dequeue":
        if (!isFile(event.data)) return undefined;
        running.add(event.data.name);
        for (const file of membersOf(resolve(event.data.name)))
          homes.set(file, resolve(event.data.name));
        return "";
      case "test:complete":
        return complete(event.data);
      case "test:pass":
        return pass(event.data);
      case "test:fail":
        return fail(event.data);
      case "test:stdout":
      case "test:stderr":
        return hear(event.data);
      case "test:diagnostic":
        return warning(event.data);
      case "test:coverage":
        return measure(event.data.summary);
      default:
        return undefined;
    }
  };
  const progress = (): Progress => ({
    ...counts,
    failures,
    running: [...running].map(stillRunning),
    ...(coverage === undefined ? {} : { coverage }),
  });
  return { take, progress };
}

/** With one process a file, the file itself is the outermost "test", named by its path. */
function isFile({ name, nesting }: EventData.TestDequeue): boolean {
  return nesting === 0 && /\.test\.\w+$/.test(name);
}

/** What the runner itself complains about, for example coverage it could not read; missed thresholds are shown by us. */
function warning({ level, message }: EventData.TestDiagnostic): string | undefined {
  return level === "info" || message.includes("does not meet threshold")
    ? undefined
    : `\n${message}\n`;
}

function shortPath(file: string | undefined): string {
  return file === undefined ? "?" : relative(process.cwd(), file);
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
