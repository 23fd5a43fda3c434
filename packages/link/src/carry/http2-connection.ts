import { constants, performServerHandshake, type ServerHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { printableText, TautlineError } from "@tautline/protocol";
import { Allowance } from "./allowance.ts";
import { Http2Caller } from "./http2-caller.ts";
import { ConnectionCalls, type Served, type ServedOptions } from "./served-connection.ts";
import { CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES } from "./windows.ts";

const {
  NGHTTP2_CANCEL,
  NGHTTP2_ENHANCE_YOUR_CALM,
  NGHTTP2_INADEQUATE_SECURITY,
  NGHTTP2_NO_ERROR,
  NGHTTP2_REFUSED_STREAM,
} = constants;
/** For the reason to reach the caller. */
const GOODBYE_MS = 1_000;
const LONGEST_GOODBYE = 1_000;
/** What a connection may hold of calls that wait to be read, MiB: a few at their windows' edge. */
const LARGEST_SESSION_MIB = 16;
const MOST_SETTINGS = 16;
/** So many times as many cancelled calls as are counted here end the connection in nghttp2. */
const NATIVE_RESETS = 4;

/** Carries the calls of a connection that speaks HTTP/2. */
export class Http2Connection implements Served {
  readonly #stream: Duplex;
  readonly #session: ServerHttp2Session;
  readonly #calls: ConnectionCalls;
  readonly #options: ServedOptions;
  readonly #cancels: Allowance;
  readonly #controls: Allowance;
  readonly #onEnded: (reason: TautlineError) => void;
  #keepalive: NodeJS.Timeout | undefined;
  #pong: NodeJS.Timeout | undefined;
  #cut: NodeJS.Timeout | undefined;
  #isEnding = false;

  /**
   * @param stream whose first bytes are the preface
   * @param options what its calls ask and tell
   * @param onEnded told why, where it does not end in order
   */
  constructor(stream: Duplex, options: ServedOptions, onEnded: (reason: TautlineError) => void) {
    const { limits, now } = options;
    this.#options = options;
    this.#stream = stream;
    this.#onEnded = onEnded;
    const { cancelsBurst, cancelsPerSecond, controlsBurst, controlsPerSecond } = limits;
    this.#cancels = new Allowance({ burst: cancelsBurst, perSecond: cancelsPerSecond }, now());
    this.#controls = new Allowance({ burst: controlsBurst, perSecond: controlsPerSecond }, now());
    this.#calls = new ConnectionCalls(options, (timeoutMs, hadCalls) => {
      const code = hadCalls ? "carry.idle" : "carry.no_first_call";
      this.end(new TautlineError(code, { detail: { timeoutMs } }));
    });
    const session = openSession(stream, options);
    this.#session = session;
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    // The stream's own error says why; without a listener this one would end the process.
    session.on("error", ignore);
    session.on("close", () => this.#closed());
    // A socket that may be half open would stay: no caller of HTTP/2 goes on when it has ended its half.
    stream.once("end", () => session.destroy());
    session.on("stream", (incoming, headers, flags, rawHeaders) => {
      this.#refreshKeepalive();
      incoming.once("close", () => this.#count(incoming.rstCode));
      const caller = new Http2Caller(incoming, headers, flags, rawHeaders);
      // Called and cancelled in one breath: it costs nobody more than this.
      if (incoming.destroyed || incoming.closed) return;
      this.#calls.start(caller);
    });
    const control = (): void => {
      if (!this.#controls.take(now())) this.end(abusive("PING and SETTINGS frames"));
    };
    session.on("ping", control);
    session.on("remoteSettings", control);
    this.#watchKeepalive();
  }

  get counts(): { readonly calls: number; readonly open: number } {
    return this.#calls.counts;
  }

  end(reason: TautlineError): void {
    if (this.#isEnding || this.#stream.destroyed) return;
    this.#isEnding = true;
    this.#onEnded(reason);
    this.#cut = setTimeout(() => this.#cutOff(), GOODBYE_MS);
    // It was closed in order, and its caller does not hang up.
    if (this.#session.destroyed) return;
    const hadCalls = this.#calls.counts.open > 0;
    this.#calls.fail(reason);
    const text = `${reason.message} ${reason.remedy} (${reason.code})`;
    const debug = Buffer.from(printableText(text, LONGEST_GOODBYE), "utf8");
    this.#session.goaway(goawayCode(reason, hadCalls), 0, debug);
    this.#session.close();
  }

  /** A session that was closed lets its caller hang up first, and one that does not read never does. */
  #cutOff(): void {
    this.#session.destroy();
    this.#stream.destroy();
  }

  drain(): void {
    if (!this.#session.destroyed) this.#session.close();
  }

  /** Cancelling is cheap for who does it: rapid reset (F15). */
  #count(code: number): void {
    if (code !== NGHTTP2_CANCEL && code !== NGHTTP2_REFUSED_STREAM) return;
    if (this.#isEnding || this.#cancels.take(this.#options.now())) return;
    const reason = abusive("cancelled calls");
    if (this.#session.destroyed) this.#onEnded(reason);
    else this.end(reason);
  }

  #closed(): void {
    clearTimeout(this.#keepalive);
    clearTimeout(this.#pong);
    clearTimeout(this.#cut);
    this.#calls.stop();
    this.#calls.fail(new TautlineError("carry.caller_lost"));
  }

  #refreshKeepalive(): void {
    this.#keepalive?.refresh();
  }

  #watchKeepalive(): void {
    const { keepaliveMs, keepaliveTimeoutMs } = this.#options.limits;
    this.#keepalive = setTimeout(() => {
      if (this.#session.destroyed) return;
      const detail = { timeoutMs: keepaliveTimeoutMs };
      const silent = new TautlineError("carry.caller_silent", { detail });
      this.#pong = setTimeout(() => {
        this.end(silent);
        this.#cutOff();
      }, keepaliveTimeoutMs);
      this.#session.ping(() => {
        clearTimeout(this.#pong);
        if (!this.#session.destroyed) this.#keepalive?.refresh();
      });
    }, keepaliveMs);
    this.#keepalive.unref();
  }
}

function openSession(stream: Duplex, { limits }: ServedOptions): ServerHttp2Session {
  return performServerHandshake(stream, {
    maxSessionMemory: LARGEST_SESSION_MIB,
    maxHeaderListPairs: limits.headerFields,
    maxSettings: MOST_SETTINGS,
    // What comes in one read is counted before anybody looked; it ends the connection without a reason, so ours is to come first.
    streamResetBurst: NATIVE_RESETS * limits.cancelsBurst,
    streamResetRate: NATIVE_RESETS * limits.cancelsPerSecond,
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.callsAtOnce,
      maxHeaderListSize: limits.headerBytes,
      initialWindowSize: STREAM_WINDOW_BYTES,
    },
  });
}

function abusive(what: string): TautlineError {
  return new TautlineError("carry.abusive", { detail: { what } });
}

/**
 * The code that tells programs what to do: calm down, or dial again. At an error's code many drop what their calls are told in the same
 * breath, so where calls end with the reason it is none.
 */
function goawayCode(reason: TautlineError, hadCalls: boolean): number {
  if (reason.status === 429) return NGHTTP2_ENHANCE_YOUR_CALM;
  if (hadCalls) return NGHTTP2_NO_ERROR;
  if (reason.status === 401 || reason.status === 403) return NGHTTP2_INADEQUATE_SECURITY;
  return NGHTTP2_NO_ERROR;
}

function ignore(): void {}
