import type { Logger } from "@tautline/daemon";

/** One thing done again and again. */
export interface Task {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<void>;
}

/** The things central does by the clock. */
export interface Timers {
  start(): void;
  /** Stops all and waits for those under way. */
  stop(): Promise<void>;
}

/** setInterval counts in 32 bits; anything longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Runs tasks by the clock; one that fails is logged and tried again at its next turn, one under way is not started twice.
 *
 * @param tasks what to do and how often
 * @param log told of failures
 */
export function createTimers(tasks: readonly Task[], log: Logger): Timers {
  const handles: NodeJS.Timeout[] = [];
  const underWay = new Map<string, Promise<void>>();
  const turn = (task: Task): void => {
    if (underWay.has(task.name)) return;
    const work = task
      .run()
      .catch((error: unknown) => log.error({ err: error, task: task.name }, "a timed task failed"))
      .finally(() => underWay.delete(task.name));
    underWay.set(task.name, work);
  };
  return {
    start: () => {
      for (const task of tasks) {
        handles.push(setInterval(turn, Math.min(task.everyMs, LONGEST_MS), task));
      }
    },
    stop: async () => {
      for (const handle of handles.splice(0)) clearInterval(handle);
      await Promise.all(underWay.values());
    },
  };
}
