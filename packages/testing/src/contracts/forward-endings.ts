import assert from "node:assert/strict";
import { peerReasonCode, type StreamEnd } from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";
import type { createForwardPeer } from "../forward-peer.ts";
import { type ForwardScene, hearOut, type SceneStream } from "../forward-scene.ts";

/** How a stream ended at the opener and at the accepter. */
export async function verdicts({ ends }: Pick<SceneStream, "ends">): Promise<string[]> {
  return (await Promise.all(ends)).map(({ verdict }) => verdict);
}

/** The stream ended with this code at one end, and at the other with a reset that names it; both programs saw a reset. */
export async function assertEnded(stream: SceneStream, index: 0 | 1, code: string): Promise<void> {
  const heard = await Promise.all([hearOut(stream.program), hearOut(stream.server)]);
  assert.deepEqual(
    heard.map(({ how }) => how),
    ["ECONNRESET", "ECONNRESET"],
  );
  const here = await stream.ends[index];
  assert.deepEqual([here.verdict, here.error?.code], [code, code]);
  assertResetBy(await stream.ends[(1 - index) as 0 | 1], code);
}

/** The stream ended by a reset of the other end, which named this code. */
export function assertResetBy({ verdict, error }: StreamEnd, code: string): void {
  assert.deepEqual([verdict, error && peerReasonCode(error)], ["forward.reset", code]);
}

/** Waits until a link is closed at both ends; their reasons, of `first` first. */
export async function bothClosed(
  { opener, accepter }: ForwardScene,
  first: "opener" | "accepter" = "opener",
): Promise<(TautlineError | undefined)[]> {
  const reasons = await Promise.all([opener.closed, accepter.closed]);
  assert.deepEqual([opener.state, accepter.state], ["ended", "ended"]);
  return first === "opener" ? reasons : reasons.toReversed();
}

/** Passes over whatever is said before the reset. */
export async function resetCode(
  peer: ReturnType<typeof createForwardPeer>,
): Promise<string | undefined> {
  for (;;) {
    const { frame, code } = await peer.next();
    if (frame === "reset") return code;
    assert.notEqual(frame, "gone");
  }
}
