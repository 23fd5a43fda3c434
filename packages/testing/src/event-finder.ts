/** One line of JSON that is an object, as `--json` programs print them. */
export type ProcessEvent = Readonly<Record<string, unknown>>;

/** Resolves with the first event that `matches` and that no earlier call returned; undefined if the lines end without one. */
export type FindEvent = (
  matches: (event: ProcessEvent) => boolean,
) => Promise<ProcessEvent | undefined>;

/**
 * Makes a search over lines of which some are JSON objects; the rest is passed over.
 *
 * @param lines each iteration starts at the first line
 */
export function createEventFinder(lines: AsyncIterable<string>): FindEvent {
  const taken = new Set<number>();
  return async (matches) => {
    let index = -1;
    for await (const line of lines) {
      index += 1;
      const event = taken.has(index) ? undefined : parseEvent(line);
      if (event === undefined || !matches(event)) continue;
      taken.add(index);
      return event;
    }
    return undefined;
  };
}

function parseEvent(line: string): ProcessEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as ProcessEvent;
  } catch {
    return undefined;
  }
}
