import type { TautlineError } from "@tautline/protocol";

/** Holds what a request brings until it was looked at. */
export interface RequestHold {
  /** Nothing passes before the end: until then a backend need not hear of the call. */
  readonly isWhole: boolean;
  /**
   * @param chunk the next bytes
   * @returns bytes that may pass, or why the call ends here
   */
  read(chunk: Buffer): Buffer | TautlineError;
  /** @returns the last bytes that may pass, or why the call ends here */
  end(): Buffer | TautlineError;
}
