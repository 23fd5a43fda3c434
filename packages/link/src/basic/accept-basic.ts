import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import {
  formatKeyIdentity,
  isTautlineError,
  type KeyIdentity,
  type LinkEvidence,
  TautlineError,
} from "@tautline/protocol";
import { HANDSHAKE_MESSAGE_BYTES, PSK_BYTES, respond, type Response } from "../noise/nnpsk0.ts";
import { BasicStream } from "./basic-stream.ts";
import { basicEvidence } from "./basic-evidence.ts";
import { frameLength } from "./frame-reader.ts";
import { readHandshake } from "../sniff/handshake-reader.ts";
import { MAX_PREFACE_BYTES, readPreface } from "./preface.ts";
import { basicPrologue } from "./prologue.ts";

/** A key that a caller may have meant. */
export interface CandidateKey {
  readonly name: string;
  readonly version: number;
  /** 32 bytes, as `basicPsk` gives them. */
  readonly psk: Uint8Array;
  /** The one agent it was given to; undefined for a key of a whole namespace. */
  readonly agentId?: string | undefined;
}

/** What the accepting end of the level `basic` needs. */
export interface AcceptBasicOptions {
  /** The live versions of a key, at most two, from memory: nothing may be waited for here. Empty for an unknown one. */
  readonly findKeys: (key: KeyIdentity) => readonly CandidateKey[];
  /** "host:port" of the other end, for errors. */
  readonly address: string;
  readonly timeoutMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Messages between two changes of a direction's key, the same at both ends; `REKEY_AFTER_MESSAGES` unless both were told another number. */
  readonly rekeyAfter?: number | undefined;
}

/** A link whose caller has proven a key. */
export interface AcceptedBasicLink {
  readonly stream: BasicStream;
  readonly evidence: LinkEvidence;
  readonly key: CandidateKey;
  /** 32 bytes that name this one connection, the same at both ends and at no others (Noise revision 34, section 11.2). */
  readonly handshakeHash: Buffer;
}

/** Versions of one key that live at once. */
const LIVE_VERSIONS = 2;
/** Tried in place of keys that there are not, so that a name that is unknown takes as long as a key that is wrong. */
const NO_KEY = randomBytes(PSK_BYTES);
const FIRST_BYTES = 2 + HANDSHAKE_MESSAGE_BYTES;

/**
 * Secures a connection at the level `basic`, as the end that accepted it.
 *
 * A caller that has not proven a key gets not one byte, and the same close after the same work whether its key is unknown or wrong.
 *
 * @param socket half-open allowed; what came first is still unread; destroyed on every failure
 * @param options keys, limits
 * @throws link.preface_malformed, link.key_unproven, link.noise_refused, link.handshake_cut, link.timeout, link.handshake_too_long
 */
export async function acceptBasic(
  socket: Socket,
  options: AcceptBasicOptions,
): Promise<AcceptedBasicLink> {
  const { address, timeoutMs, now, rekeyAfter } = options;
  const wait = { address, timeoutMs, maxBytes: MAX_PREFACE_BYTES + FIRST_BYTES };
  const first = await readHandshake(socket, wait, (bytes) => readFirst(bytes, address));
  try {
    const { key, answer } = prove(first, options);
    socket.write(Buffer.concat([frameLength(answer.message.length), answer.message]));
    const head = Buffer.alloc(0);
    const stream = new BasicStream({ socket, keys: answer.keys, head, address, rekeyAfter });
    const isBound = key.agentId !== undefined;
    const evidence = basicEvidence(formatKeyIdentity(key), isBound, now);
    return { stream, key, evidence, handshakeHash: answer.keys.handshakeHash };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

interface FirstMessage {
  readonly key: KeyIdentity;
  /** As it was sent. */
  readonly preface: Buffer;
  readonly message: Buffer;
}

function readFirst(
  bytes: Buffer,
  address: string,
): { readonly part: FirstMessage; readonly length: number } | undefined {
  const reading = readPreface(bytes);
  if (reading.kind === "more") return undefined;
  if (reading.kind === "malformed") {
    const detail = { address, reason: reading.reason };
    throw new TautlineError("link.preface_malformed", { detail });
  }
  const { length: start, preface } = reading;
  if (bytes.length < start + 2) return undefined;
  if (bytes.readUInt16BE(start) !== HANDSHAKE_MESSAGE_BYTES) {
    const reason = "its first message is not of the length it has";
    throw new TautlineError("link.preface_malformed", { detail: { address, reason } });
  }
  const length = start + FIRST_BYTES;
  if (bytes.length < length) return undefined;
  const message = bytes.subarray(start + 2, length);
  return { part: { key: preface.key, preface: bytes.subarray(0, start), message }, length };
}

/** Always as many tries as a key has live versions at most, whatever the name. */
function prove(
  { key, preface, message }: FirstMessage,
  { findKeys, address }: AcceptBasicOptions,
): { readonly key: CandidateKey; readonly answer: Response } {
  const candidates = findKeys(key).slice(0, LIVE_VERSIONS);
  const prologue = basicPrologue(preface);
  const answers = Array.from({ length: LIVE_VERSIONS }, (_, index) => {
    const candidate = candidates[index];
    const answer = attempt(prologue, candidate?.psk ?? NO_KEY, message);
    return candidate === undefined || answer === undefined ? [] : [{ key: candidate, answer }];
  });
  const [proven] = answers.flat();
  if (proven !== undefined) return proven;
  const detail = { address, identity: formatKeyIdentity(key) };
  throw new TautlineError("link.key_unproven", { detail });
}

function attempt(prologue: Buffer, psk: Uint8Array, message: Buffer): Response | undefined {
  try {
    return respond({ prologue, psk }, message);
  } catch (error) {
    if (isTautlineError(error) && error.code === "link.noise_refused") return undefined;
    throw error;
  }
}
