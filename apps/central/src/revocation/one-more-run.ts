/**
 * Lets a work that looks at everything be asked for often: at most one runs, and at most one more waits, for all who asked
 * meanwhile. Whoever asks waits for a run that began after it asked.
 *
 * @param work what is done
 */
export function oneMoreRun(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;
  const start = (): Promise<void> => {
    waiting = undefined;
    running = work();
    return running;
  };
  return () => {
    // After the one that runs, however that ends: its error belongs to those who wait for it.
    waiting ??= running.then(start, start);
    return waiting;
  };
}
