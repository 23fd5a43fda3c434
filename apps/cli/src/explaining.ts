import type { TautlineError } from "@tautline/protocol";

/**
 * Passes bytes on as they come, and turns what ends them early into an error of ours.
 *
 * @param body the bytes
 * @param explain makes our error of what was thrown
 * @param release called when nobody reads any more, however that came
 */
export async function* explaining(
  body: AsyncIterable<Buffer>,
  explain: (cause: unknown) => TautlineError,
  release: () => void = () => {},
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (cause) {
    throw explain(cause);
  } finally {
    release();
  }
}
