import type { CallHead, HeldBytes, MessageLook } from "@tautline/link";
import { printableText, TautlineError } from "@tautline/protocol";
import type { ClaimMode, FoundClaims, HeldAllowance } from "./claim.ts";
import { readerOf } from "./claim-reader.ts";
import { allows, claimsBeyond } from "./claim-rule.ts";
import type { Claimant } from "./claimant.ts";

/** A call whose messages are looked at. */
export interface LookedCall {
  readonly head: Pick<CallHead, "path" | "isGrpc" | "headers">;
  readonly backend: string;
  readonly mode: ClaimMode;
  /** What is held of all calls. */
  readonly held: HeldBytes;
  /** Never empty. */
  readonly claimants: readonly Claimant[];
  /** What its sender may claim, asked for each message: a list may change while a stream runs. */
  readonly allowances: () => readonly HeldAllowance[];
  /** Told what each message claims. */
  readonly onFound: (found: Exclude<FoundClaims, { unreadable: string }>) => void;
  /** Told of each claim that is not allowed, and of what cannot be read, whatever is done about it. */
  readonly onBeyond: (beyond: FoundBeyond) => void;
}

/** A claim that is not allowed, or that cannot be read. */
export interface FoundBeyond {
  readonly error: TautlineError;
  /** Whose list does not allow it. */
  readonly claimant: Claimant;
  /** A message of the call had it; else its head alone told. */
  readonly isInMessage: boolean;
}

/** Of a claimed name, as people are shown it. */
const MOST_CHARACTERS = 120;

/**
 * Makes the look at a call's messages, for a backend that asks for it.
 *
 * @param call which, and who makes it
 * @returns undefined where nothing is to be looked at, also because it cannot be read and is only logged
 * @throws receiver.claim_unreadable, where that is refused and can be told from the head alone
 */
export function lookAtClaims(call: LookedCall): MessageLook | undefined {
  if (call.mode === "off") return undefined;
  const reader = readerOf(call.head);
  if ("unreadable" in reader) {
    const refusal = noteUnreadable(call, reader.unreadable, false);
    if (refusal !== undefined) throw refusal;
    return undefined;
  }
  return {
    largestBytes: reader.largestBytes,
    held: call.held,
    message: (message, compressed) => judged(call, reader.read(message, compressed)),
  };
}

function noteUnreadable(
  { backend, mode, claimants, onBeyond }: LookedCall,
  text: string,
  isInMessage: boolean,
): TautlineError | undefined {
  const detail = { backend, reason: printableText(text, MOST_CHARACTERS) };
  const error = new TautlineError("receiver.claim_unreadable", { detail });
  onBeyond({ error, claimant: lastOf(claimants), isInMessage });
  return mode === "refuse" ? error : undefined;
}

/** Tells what was found, and says what ends the call. */
function judged(call: LookedCall, found: FoundClaims): TautlineError | undefined {
  const { backend, mode, claimants, onBeyond } = call;
  if ("unreadable" in found) return noteUnreadable(call, found.unreadable, true);
  call.onFound(found);
  const allowances = call.allowances();
  for (const claim of claimsBeyond(found.claims, allowances)) {
    const { kind, text } = claim;
    const claimed = printableText(text, MOST_CHARACTERS);
    const held = allowances.find(
      (each) => claimants.includes(each.claimant) && !allows(each, claim),
    );
    const claimant = held?.claimant ?? lastOf(claimants);
    const detail = { backend, kind, claimed, who: claimant };
    const error = new TautlineError("receiver.claim_refused", { detail });
    onBeyond({ error, claimant, isInMessage: true });
    // Where nothing is refused, each one that is not allowed is named.
    if (mode === "refuse") return error;
  }
  return undefined;
}

/** A client is nearer to the program than the link that it came over. */
function lastOf(claimants: readonly Claimant[]): Claimant {
  return claimants.at(-1) ?? "nobody";
}
