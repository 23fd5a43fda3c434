/** One part of a program: started once, stopped once. */
export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/** A program whose parts all run. */
export interface Running {
  /** Stops every part in reverse order, once; a part that fails to stop does not keep the others from stopping. */
  stop(): Promise<void>;
}

/**
 * Starts parts one by one in the given order. If one fails, it and those before it are stopped in reverse and its error is
 * thrown: a start that failed may have got half way.
 *
 * @param parts the visible list of a program's parts
 * @param onStopFailure told of parts that did not stop cleanly
 */
export async function startParts(
  parts: readonly Part[],
  onStopFailure: (part: string, error: unknown) => void,
): Promise<Running> {
  const started: Part[] = [];
  const stopAll = async (): Promise<void> => {
    for (let part = started.pop(); part !== undefined; part = started.pop()) {
      await stopPart(part, onStopFailure);
    }
  };
  for (const part of parts) {
    started.push(part);
    try {
      await part.start?.();
    } catch (error) {
      await stopAll();
      throw error;
    }
  }
  let stopping: Promise<void> | undefined;
  // Two signals in a row get one and the same stop, and both wait for its end.
  return { stop: () => (stopping ??= stopAll()) };
}

async function stopPart(
  part: Part,
  onFailure: (part: string, error: unknown) => void,
): Promise<void> {
  try {
    await part.stop?.();
  } catch (error) {
    onFailure(part.name, error);
  }
}
