import assert from "node:assert/strict";
import { globSync } from "node:fs";

/**
 * The environment in which a process takes another time for the host's: libfaketime answers each of its questions for the time.
 *
 * @param offset how far its clock is ahead or behind, as libfaketime writes it: "+4d", "-30d"
 */
export function shiftedClock(offset: string): Record<string, string> {
  // Waits go on as long as ever: what is shifted is the date and not the pace.
  return { ...preload(), FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

/**
 * The environments of processes for which time passes faster, and which agree on what time it is however late each is started.
 *
 * @param pace how many of their seconds pass in one
 */
export function fasterClock(pace: number): () => Record<string, string> {
  const beganMs = Date.now();
  // libfaketime counts from the start of each process: who starts later is to begin later.
  return () => {
    const aheadSeconds = ((pace - 1) * (Date.now() - beganMs)) / 1_000;
    return { ...preload(), FAKETIME: `+${aheadSeconds.toFixed(3)} x${pace}` };
  };
}

function preload(): Record<string, string> {
  const [library] = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");
  assert.ok(library !== undefined, "the Debian package faketime is not installed");
  return { LD_PRELOAD: library };
}
