/* Equipment: how long the event loop was held. */

/**
 * Watches the turns of the event loop from now on.
 *
 * @returns ends the watch and gives the longest time between two turns, milliseconds
 */
export function watchTurns(): () => number {
  let isOver = false;
  let longest = 0;
  let before = performance.now();
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    turn();
    isOver = true;
    return longest;
  };
}
