/** Loaded into central by --import: tells what only the process itself knows. Changes nothing until it is asked. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { answerQuestions } from "./worker.ts";

const RESOLUTION_MS = 1;
const NANOSECONDS_PER_MS = 1_000_000;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

answerQuestions({
  gc: () => {
    globalThis.gc?.();
    globalThis.gc?.();
  },
  memory: () => process.memoryUsage(),
  watch: () => {
    delay.reset();
    delay.enable();
  },
  delay: () => {
    delay.disable();
    return {
      p50Ms: toMs(delay.percentile(50)),
      p99Ms: toMs(delay.percentile(99)),
      maxMs: toMs(delay.max),
    };
  },
});

function toMs(ns: number): number {
  return Math.max(0, ns / NANOSECONDS_PER_MS - RESOLUTION_MS);
}
