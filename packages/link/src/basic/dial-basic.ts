import type { Socket } from "node:net";
import {
  formatKeyIdentity,
  type KeyIdentity,
  type LinkEvidence,
  TautlineError,
} from "@tautline/protocol";
import { HANDSHAKE_MESSAGE_BYTES, initiate } from "../noise/nnpsk0.ts";
import { BasicStream } from "./basic-stream.ts";
import { basicEvidence } from "./basic-evidence.ts";
import { MAX_REFUSAL_BYTES, readBasicRefusal } from "./basic-refusal.ts";
import { frameLength } from "./frame-reader.ts";
import { readHandshake } from "../sniff/handshake-reader.ts";
import { encodePreface } from "./preface.ts";
import { basicPrologue } from "./prologue.ts";

/** What the dialling end of the level `basic` needs. */
export interface DialBasicOptions {
  readonly key: KeyIdentity;
  /** 32 bytes, as `basicPsk` gives them. */
  readonly psk: Uint8Array;
  /** Nobody but central and this agent was given the key. */
  readonly isBound: boolean;
  /** "host:port" of the other end, for errors. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A link secured by a shared key. */
export interface BasicLink {
  readonly stream: BasicStream;
  readonly evidence: LinkEvidence;
  /** 32 bytes that name this one connection, the same at both ends and at no others (Noise revision 34, section 11.2). */
  readonly handshakeHash: Buffer;
}

/**
 * Secures a connection at the level `basic`, as the end that dialled it. After a failure it never tries anything lower.
 *
 * @param socket connected, half-open allowed, nothing sent yet; destroyed on every failure
 * @param options key, limits
 * @throws link.level_refused where the listener will not have this level, link.key_unproven where it said nothing to this key,
 * link.noise_refused, link.timeout, link.cancelled, link.handshake_too_long
 */
export async function dialBasic(socket: Socket, options: DialBasicOptions): Promise<BasicLink> {
  const { key, psk, isBound, address, now } = options;
  const preface = encodePreface({ key });
  const initiation = initiate({ prologue: basicPrologue(preface), psk });
  const { message } = initiation;
  socket.write(Buffer.concat([preface, frameLength(message.length), message]));
  const answer = await readAnswer(socket, options);
  try {
    const { keys } = initiation.finish(answer);
    const stream = new BasicStream({ socket, keys, head: Buffer.alloc(0), address });
    const evidence = basicEvidence(formatKeyIdentity(key), isBound, now);
    return { stream, evidence, handshakeHash: keys.handshakeHash };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function readAnswer(socket: Socket, options: DialBasicOptions): Promise<Buffer> {
  const { address, key, timeoutMs, signal } = options;
  const wait = { address, timeoutMs, signal, maxBytes: MAX_REFUSAL_BYTES };
  try {
    return await readHandshake(socket, wait, (bytes) => readOne(bytes, address));
  } catch (cause) {
    // The listener says nothing to whoever has not proven the key: a close without a word is its answer.
    if (!isSilentClose(cause)) throw cause;
    const detail = { address, identity: formatKeyIdentity(key) };
    throw new TautlineError("link.key_unproven", { cause, detail });
  }
}

function readOne(
  bytes: Buffer,
  address: string,
): { readonly part: Buffer; readonly length: number } | undefined {
  const reading = readBasicRefusal(bytes);
  if (reading.kind === "refusal") {
    const { code, text, remedy } = reading.refusal;
    throw new TautlineError("link.level_refused", { detail: { address, code, text, remedy } });
  }
  if (reading.kind === "more" || bytes.length < 2) return undefined;
  if (bytes.readUInt16BE(0) !== HANDSHAKE_MESSAGE_BYTES) {
    const reason = "the answer is none of this level";
    throw new TautlineError("link.noise_refused", { detail: { reason } });
  }
  const length = 2 + HANDSHAKE_MESSAGE_BYTES;
  return bytes.length < length ? undefined : { part: bytes.subarray(2, length), length };
}

function isSilentClose(error: unknown): boolean {
  if (error instanceof TautlineError) return error.code === "link.handshake_cut";
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return code === "ECONNRESET" || code === "EPIPE";
}
