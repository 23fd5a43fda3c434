import type { KeyIdentity } from "@tautline/protocol";

/** A version of a shared key that opens links now. */
export interface LiveKey {
  readonly name: string;
  readonly version: number;
  readonly namespace: string;
  /** It answers to the bare name. */
  readonly isInUse: boolean;
  /** The one agent it was given to; undefined for a key of a whole namespace. */
  readonly agentId: string | undefined;
  /** 32 bytes, as `deriveSharedKey` gives them: what TLS uses. */
  readonly sharedKey: Buffer;
  /** 32 bytes, as `basicPsk` gives them. */
  readonly basicPsk: Buffer;
}

/** Over what a version of a key was used. */
export interface KeyUse {
  readonly agentId: string;
  readonly level: "basic" | "advanced";
  readonly remoteAddress: string;
}

/** The live versions of all keys, in memory: OpenSSL and Noise wait for nothing. */
export interface KeyRing {
  /**
   * The versions that an identity means: one where it names a version, else all that live, the one in use first.
   *
   * @returns at most two; empty where there is none
   */
  find(identity: KeyIdentity): readonly LiveKey[];
  /** Notes that an agent's message was answered over a version; not awaited by any answer. */
  noteUse(key: Pick<LiveKey, "name" | "version">, use: KeyUse): void;
}
