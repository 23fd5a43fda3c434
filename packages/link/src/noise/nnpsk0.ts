import { TautlineError } from "@tautline/protocol";
import { type CipherState, TAG_BYTES } from "./cipher-state.ts";
import { createSymmetricState, type SymmetricState } from "./symmetric-state.ts";
import { agree, createEphemeralKey, type EphemeralKey, X25519_BYTES } from "./x25519.ts";

/** The protocol of the level `basic` (DESIGN section 4). */
export const NOISE_PROTOCOL = "Noise_NNpsk0_25519_AESGCM_SHA256";
/** The longest message of any Noise protocol (revision 34, section 3). */
export const MAX_NOISE_MESSAGE_BYTES = 65_535;
/** Bytes of the pre-shared key (section 9). */
export const PSK_BYTES = 32;
/** A handshake message without payload. */
export const HANDSHAKE_MESSAGE_BYTES = X25519_BYTES + TAG_BYTES;

/** What both ends must agree on beforehand. */
export interface HandshakeOptions {
  /** Bound into the handshake: whoever saw another one shares no key. */
  readonly prologue: Uint8Array;
  /** 32 bytes. */
  readonly psk: Uint8Array;
  /** This end's key; a fresh one unless a test brings its own. */
  readonly ephemeral?: EphemeralKey;
}

/** What a finished handshake gives. */
export interface NoiseKeys {
  /** Seals what this end sends. */
  readonly sending: CipherState;
  /** Opens what the other end sends. */
  readonly receiving: CipherState;
  /** 32 bytes that name this one connection, equal at both ends (section 11.2). */
  readonly handshakeHash: Buffer;
}

/** The dialling end between its message and the answer. */
export interface Initiation {
  /** The first message: `psk, e` and the sealed payload. */
  readonly message: Buffer;
  /**
   * Reads the answer.
   *
   * @throws link.noise_refused
   */
  finish(answer: Uint8Array): { readonly keys: NoiseKeys; readonly payload: Buffer };
}

/**
 * Begins a handshake as the dialling end.
 *
 * @param options what was agreed beforehand
 * @param payload sent under the key alone, so not forward secret
 */
export function initiate(
  options: HandshakeOptions,
  payload: Uint8Array = new Uint8Array(),
): Initiation {
  const state = begin(options);
  const own = options.ephemeral ?? createEphemeralKey();
  mixEphemeral(state, own.publicBytes);
  const message = Buffer.concat([own.publicBytes, state.encryptAndHash(payload)]);
  return {
    message,
    finish: (answer) => {
      const [theirs, sealed] = cut(answer);
      mixEphemeral(state, theirs);
      state.mixKey(agree(own, theirs));
      const opened = state.decryptAndHash(sealed);
      const [sending, receiving] = state.split();
      const keys = { sending, receiving, handshakeHash: state.handshakeHash() };
      return { keys, payload: opened };
    },
  };
}

/** The accepting end's part: one message read, one written. */
export interface Response {
  /** What the dialling end sent along. */
  readonly payload: Buffer;
  readonly message: Buffer;
  readonly keys: NoiseKeys;
}

/**
 * Answers a handshake as the accepting end. Nothing is said to whoever did not prove the key: `psk0` makes the first message the proof.
 *
 * @param options what was agreed beforehand
 * @param first the dialling end's message
 * @param payload sealed under forward secret keys
 * @throws link.noise_refused
 */
export function respond(
  options: HandshakeOptions,
  first: Uint8Array,
  payload: Uint8Array = new Uint8Array(),
): Response {
  const state = begin(options);
  const [theirs, sealed] = cut(first);
  mixEphemeral(state, theirs);
  const received = state.decryptAndHash(sealed);
  const own = options.ephemeral ?? createEphemeralKey();
  mixEphemeral(state, own.publicBytes);
  state.mixKey(agree(own, theirs));
  const message = Buffer.concat([own.publicBytes, state.encryptAndHash(payload)]);
  const [receiving, sending] = state.split();
  const keys = { sending, receiving, handshakeHash: state.handshakeHash() };
  return { payload: received, message, keys };
}

function begin({ prologue, psk }: HandshakeOptions): SymmetricState {
  if (psk.length !== PSK_BYTES) throw new TautlineError("internal.unexpected");
  const state = createSymmetricState(NOISE_PROTOCOL);
  state.mixHash(prologue);
  state.mixKeyAndHash(psk);
  return state;
}

/** With a pre-shared key the ephemeral keys are mixed in as well as hashed (section 9.2). */
function mixEphemeral(state: SymmetricState, publicBytes: Uint8Array): void {
  state.mixHash(publicBytes);
  state.mixKey(publicBytes);
}

function cut(message: Uint8Array): [Uint8Array, Uint8Array] {
  if (message.length < HANDSHAKE_MESSAGE_BYTES || message.length > MAX_NOISE_MESSAGE_BYTES) {
    const reason = `a handshake message has ${message.length} bytes`;
    throw new TautlineError("link.noise_refused", { detail: { reason } });
  }
  return [message.subarray(0, X25519_BYTES), message.subarray(X25519_BYTES)];
}
