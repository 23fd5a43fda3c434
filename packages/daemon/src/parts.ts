/** One part of a program: started once, stopped once. */
export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/** A program whose parts all run. */
export interface Running {
  /** Stops every part in reverse order; a part that fails to stop does not keep the others from stopping. */
  stop(): Promise<void>;
}

/**
 * Starts parts one by one in the given order; if one fails, stops those before it in reverse and throws its error.
 *
 * @param parts the visible list of a program's parts
 * @param onStopFailure told of parts that did not stop cleanly
 */
export async function startParts(
  parts: readonly Part[],
  onStopFailure: (part: string, error: unknown) => void,
): Promise<Running> {
  const started: Part[] = [];
  const stop = async (): Promise<void> => {
    for (let part = started.pop(); part !== undefined; part = started.pop()) {
      await stopPart(part, onStopFailure);
    }
  };
  for (const part of parts) {
    try {
      await part.start?.();
      started.push(part);
    } catch (error) {
      await stopPart(part, onStopFailure);
      await stop();
      throw error;
    }
  }
  return { stop };
}

async function stopPart(part: Part, onFailure: (part: string, error: unknown) => void): Promise<void> {
  try {
    await part.stop?.();
  } catch (error) {
    onFailure(part.name, error);
  }
}
