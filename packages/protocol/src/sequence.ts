const LAST = 2n ** 64n - 1n;

/**
 * Judges the number of an agent's message by the one before (opamp-spec "AgentToServer.sequence_num").
 *
 * @param previous the number before on this link, undefined for the first message; where counting starts is free
 * @param received the number of this message
 * @returns `first`, `next`, `repeat` (the same message again) or `gap` (something is missing: ask for the full state)
 */
export function judgeSequence(
  previous: bigint | undefined,
  received: bigint,
): "first" | "next" | "repeat" | "gap" {
  if (previous === undefined) return "first";
  if (received === previous) return "repeat";
  return received === (previous === LAST ? 0n : previous + 1n) ? "next" : "gap";
}
