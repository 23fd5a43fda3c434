/** What is done where a message says it is of a service or an instance that its sender may not claim. */
export const CLAIM_MODES = ["off", "log", "refuse"] as const;

/** One of them; `off`: nobody looks. */
export type ClaimMode = (typeof CLAIM_MODES)[number];

/** Who a message says it is from. */
export interface Claim {
  readonly kind: "service" | "instance";
  /** As it came; of OpenTelemetry with a namespace of its own, "NAMESPACE/NAME". */
  readonly text: string;
}

/** What the messages of one call were found to claim, or why that cannot be known. */
export type FoundClaims =
  | {
      readonly claims: readonly Claim[];
      /** Of the library that sent it, where the message tells. */
      readonly version: string | undefined;
    }
  | { readonly unreadable: string };

/** What somebody may claim; names, or beginnings of names with a star behind. */
export interface Allowance {
  readonly services: readonly string[];
  /** None: any instance. */
  readonly instances: readonly string[];
}

/** And whose list it is. */
export interface HeldAllowance extends Allowance {
  readonly claimant: string;
}

/** How much is looked at: what is held back for it is memory, and looking is work of the one thread. */
export const CLAIM_LIMITS = {
  /** Of a message as it came, of what it becomes unpacked, and of a body; bytes. */
  messageBytes: 4 * 1024 * 1024,
  /** Of all messages and bodies that are being held, bytes. */
  heldBytes: 128 * 1024 * 1024,
  /** Of protobuf that are stepped over in one message. */
  fields: 262_144,
  /** Of a body of JSON, bytes: it is built whole. */
  jsonBytes: 1024 * 1024,
  jsonDepth: 32,
  /** Of one claimed name, bytes. */
  nameBytes: 1024,
  /** Different claims of one message. */
  claims: 1024,
  /** Names on one list, and the characters of one. */
  listed: 64,
  listedCharacters: 200,
} as const;
