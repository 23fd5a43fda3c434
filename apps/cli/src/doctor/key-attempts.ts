import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  basicPsk,
  type BasicProbe,
  dialAdvanced,
  dialBasic,
  formatHostPort,
  type HostPort,
  probeBasic,
} from "@tautline/link";
import { isTautlineError, type KeyIdentity, toTautlineError } from "@tautline/protocol";
import { type HttpWords, readHttpWords } from "./http-words.ts";
import { httpRequest } from "./plaintext-attempt.ts";

const MAX_ANSWER_BYTES = 16 * 1024;
const KEY_BYTES = 32;

/** A key that the caller gave to be proven. */
export interface GivenKey {
  readonly identity: KeyIdentity;
  /** 32 bytes, as both ends derive them from the key's text. */
  readonly sharedKey: Uint8Array;
}

/** What came of one attempt at a level that rests on a shared key. */
export type SharedKeyAttempt =
  /** The given key was proven at both ends; with what was answered to a request over it. */
  | { readonly kind: "proven"; readonly words: HttpWords | undefined }
  /** The given key was not proven, at an end that has the level. */
  | { readonly kind: "unproven" }
  /** The level is there; no key was given to prove. */
  | { readonly kind: "there" }
  | { readonly kind: "refused"; readonly text: string; readonly remedy: string | null }
  /** It does something else where this level would begin. */
  | { readonly kind: "absent"; readonly text: string }
  | { readonly kind: "not known"; readonly text: string };

/** How long each part of an attempt may take. */
export interface AttemptTimes {
  readonly timeoutMs: number;
  /** How long an end that does not know a preface has to close. */
  readonly patienceMs: number;
}

/**
 * Calls another end at the level `basic`.
 *
 * @param address host and port
 * @param key to be proven; without one only whether the level is there is found out
 * @param times limits
 */
export async function attemptBasic(
  address: HostPort,
  key: GivenKey | undefined,
  times: AttemptTimes,
): Promise<SharedKeyAttempt> {
  if (key === undefined) {
    const socket = await open(address, times.timeoutMs);
    return socket === undefined ? UNREACHED : readProbe(await probeBasic(socket, times));
  }
  const found = await attempt(address, times, async (socket, common) => {
    const psk = basicPsk(key.sharedKey);
    return (await dialBasic(socket, { ...common, key: key.identity, psk })).stream;
  });
  if (found.kind !== "unproven") return found;
  // A close without a word is also what an end does that does not know the level.
  const without = await attemptBasic(address, undefined, times);
  return without.kind === "there" ? found : without;
}

/**
 * Calls another end at the level `advanced`.
 *
 * @param address host and port
 * @param key to be proven; without one a random one is named, by which nothing can be proven
 * @param times limits
 */
export async function attemptAdvanced(
  address: HostPort,
  key: GivenKey | undefined,
  times: AttemptTimes,
): Promise<SharedKeyAttempt> {
  const shown = key ?? {
    identity: { name: `doctor-${randomBytes(8).toString("hex")}` },
    sharedKey: randomBytes(KEY_BYTES),
  };
  const found = await attempt(address, times, async (socket, common) => {
    const { identity, sharedKey } = shown;
    const options = { ...common, host: address.host, key: identity, sharedKey };
    return (await dialAdvanced(socket, options)).stream;
  });
  return found.kind === "unproven" && key === undefined ? { kind: "there" } : found;
}

const UNREACHED: SharedKeyAttempt = { kind: "not known", text: "no connection came about" };

interface Common {
  readonly address: string;
  readonly timeoutMs: number;
  readonly isBound: boolean;
  readonly now: () => number;
}

async function attempt(
  address: HostPort,
  { timeoutMs }: AttemptTimes,
  dial: (socket: Socket, common: Common) => Promise<Duplex>,
): Promise<SharedKeyAttempt> {
  const socket = await open(address, timeoutMs);
  if (socket === undefined) return UNREACHED;
  const name = formatHostPort(address.host, address.port);
  const common = { address: name, timeoutMs, isBound: false, now: () => Date.now() };
  try {
    const stream = await dial(socket, common);
    return { kind: "proven", words: await ask(stream, address, timeoutMs) };
  } catch (error) {
    return readFailure(error);
  } finally {
    socket.destroy();
  }
}

/** Undefined where no connection came about: whether there is a way at all was found out before. */
async function open({ host, port }: HostPort, timeoutMs: number): Promise<Socket | undefined> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(timeoutMs) });
    return socket;
  } catch {
    socket.destroy();
    return undefined;
  }
}

/** Asks over a secured stream for nothing, to read what the other end says of itself. */
async function ask(
  stream: Duplex,
  address: HostPort,
  timeoutMs: number,
): Promise<HttpWords | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  stream.on("data", (chunk: Buffer) => {
    length += chunks.push(chunk) > 0 ? chunk.length : 0;
    if (length >= MAX_ANSWER_BYTES) resolve();
  });
  for (const event of ["end", "close", "error"]) stream.on(event, () => resolve());
  stream.write(httpRequest(address));
  await promise;
  clearTimeout(timer);
  stream.destroy();
  return readHttpWords(Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString("latin1"));
}

function readProbe(probe: BasicProbe): SharedKeyAttempt {
  if (probe.kind === "there") return { kind: "there" };
  if (probe.kind === "refused") {
    const { text, remedy } = probe.refusal;
    return { kind: "refused", text, remedy };
  }
  if (probe.kind === "silence") return { kind: "not known", text: "no answer" };
  const how = probe.how === "closed" ? "it closes" : "it answers in another language";
  return { kind: "absent", text: `${how} where this level would begin` };
}

/** A server that goes on with its certificate has not taken the key: OpenSSL's words for a chain that nobody was told to trust. */
const CERTIFICATE = /CERT|LEAF_SIGNATURE/;

function readFailure(error: unknown): SharedKeyAttempt {
  const { code, message, detail, cause } = toTautlineError(error);
  const [text, remedy] = [String(detail["text"]), String(detail["remedy"])];
  if (code === "link.level_refused") {
    // What an alert means was written at this end; only a sentence of the other end is quoted.
    return isTautlineError(cause) || cause === undefined
      ? { kind: "refused", text, remedy }
      : { kind: "refused", text: "it refuses this level by an alert of TLS", remedy: null };
  }
  if (code === "link.key_unproven") return { kind: "unproven" };
  const reason: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
  if (code === "link.unproven_level" || CERTIFICATE.test(String(reason))) {
    return { kind: "absent", text: "it shows a certificate where a key was to be proven" };
  }
  if (code === "link.key_missing") {
    return {
      kind: "not known",
      text: "it shows no certificate and took no key; it may know others",
    };
  }
  if (code === "link.not_tls") return { kind: "absent", text: "it does not speak TLS" };
  if (code === "link.timeout") return { kind: "not known", text: "no answer" };
  const shown = isTautlineError(error) ? message.replace(/\.$/, "") : "the attempt failed";
  return { kind: "not known", text: shown };
}
