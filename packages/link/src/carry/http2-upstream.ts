import { connect, constants, type ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { TautlineError } from "@tautline/protocol";
import { Allowance } from "./allowance.ts";
import { nameUpstreamFailure } from "./carry-failure.ts";
import { followHttp2Leg, type LegConnection } from "./http2-leg.ts";
import type { Leg, LegEvents, LegRequest } from "./leg.ts";
import { resetName } from "./reset-name.ts";
import type { UpstreamPlace } from "./upstreams.ts";
import { CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES } from "./windows.ts";

const { NGHTTP2_NO_ERROR } = constants;
/** A backend's answer has headers and trailers of a few hundred bytes. */
const LARGEST_ANSWER_HEADERS = 64 * 1024;
/** What one connection may hold, MiB; the calls of many callers share it. */
const LARGEST_SESSION_MIB = 256;
/** What is told to a backend that does not say how many calls it takes at once. */
const CALLS_UNTOLD = 100;

/** What one connection with a backend needs. */
export interface Http2UpstreamOptions {
  readonly place: UpstreamPlace;
  readonly socket: Duplex;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly idleMs: number;
  /** It takes no more calls, or is gone. */
  readonly onOver: () => void;
  /** So many calls were broken off on it that it should take no more: another one is to be there first. */
  readonly onWorn: () => void;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/**
 * Servers count the calls that are broken off on a connection, and end it with all others on it: Node's and nghttp2's after 1,000 at once
 * and 33 a second (CVE-2023-44487), Envoy after 500 of a life. Whoever cancels is none of the others' affair.
 */
const RESETS = { burst: 400, perSecond: 10 };

/** One HTTP/2 connection with a backend. */
export class Http2Upstream implements LegConnection {
  readonly #session: ClientHttp2Session;
  readonly #options: Http2UpstreamOptions;
  #loss: TautlineError | undefined;
  #lastTaken: number | undefined;
  #calls = 0;
  #isOver = false;
  readonly #resets: Allowance;
  #isWorn = false;
  /** One timer each for the connection's life: to begin it anew costs less than a new one for each call. */
  #silence: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #pong: NodeJS.Timeout | undefined;
  /** Resolves when the backend's first frame of HTTP/2 has come; rejects when it is lost before. */
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;

  constructor(options: Http2UpstreamOptions) {
    this.#options = options;
    const { socket, now } = options;
    this.#resets = new Allowance(RESETS, now());
    // Node closes the streams of a connection that ends as if they had been cancelled: what happened has to be known before.
    socket.on("error", (error) => this.#lose(error));
    socket.once("close", () => this.#lose(undefined));
    const session = openSession(socket);
    this.#session = session;
    // A socket that may be half open would stay.
    socket.once("end", () => {
      this.#lose(undefined);
      session.destroy();
    });
    session.on("error", (error) => this.#lose(error));
    session.on("goaway", (code, lastTaken) => this.#goneAway(code, lastTaken));
    session.once("connect", () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    session.once("close", () => {
      this.#lose(undefined);
      resolve();
    });
    this.ready = new Promise((settle, reject) => {
      session.once("remoteSettings", () => settle());
      void promise.then(() => reject(this.loss ?? this.#lossFrom(undefined)));
    });
    this.ready.catch(() => {});
  }

  get place(): string {
    return this.#options.place.name;
  }

  get loss(): TautlineError | undefined {
    return this.#loss;
  }

  get lastTaken(): number | undefined {
    return this.#lastTaken;
  }

  get calls(): number {
    return this.#calls;
  }

  /** It takes one more call at once. */
  get hasRoom(): boolean {
    return this.#calls < (this.#session.remoteSettings?.maxConcurrentStreams ?? CALLS_UNTOLD);
  }

  /** It takes no more calls. */
  get isOver(): boolean {
    return this.#isOver || this.#session.closed || this.#session.destroyed;
  }

  /**
   * Sends a request's head.
   *
   * @param request its headers may not hold what HTTP/2 forbids
   * @param events told what comes
   */
  open(request: LegRequest, events: LegEvents): Leg {
    const { place } = this.#options;
    const stream = this.#session.request(
      [
        ":method",
        request.method,
        ":scheme",
        place.scheme,
        ":authority",
        place.authority,
        ":path",
        request.path,
        ...request.headers,
      ],
      { endStream: request.ends },
    );
    this.#calls += 1;
    this.#heard();
    return followHttp2Leg(stream, this, {
      ...events,
      head: (status, headers, ends, answer) => {
        this.#heard();
        events.head(status, headers, ends, answer);
      },
      over: (end) => {
        this.#calls -= 1;
        if (this.#calls > 0) this.#heard();
        else this.#watchIdle();
        events.over(end);
      },
    });
  }

  noteReset(): void {
    if (this.#isWorn || this.#resets.take(this.#options.now())) return;
    this.#isWorn = true;
    this.#options.onWorn();
  }

  /** Takes no more calls; closes when those there are have ended. */
  drain(): void {
    this.#isOver = true;
    this.#session.close();
  }

  /** Cuts. */
  destroy(reason: TautlineError): void {
    this.#lose(reason);
    this.#session.destroy();
  }

  #goneAway(code: number, lastTaken: number): void {
    this.#lastTaken = lastTaken;
    this.#isOver = true;
    if (code !== NGHTTP2_NO_ERROR) this.#lose(this.#reasoned(`GOAWAY ${resetName(code)}`));
    this.#options.onOver();
  }

  #lose(error: unknown): void {
    if (this.#loss !== undefined) return;
    this.#loss = this.#lossFrom(error);
    this.#isOver = true;
    clearTimeout(this.#silence);
    clearTimeout(this.#idle);
    clearTimeout(this.#pong);
    this.#options.onOver();
  }

  #lossFrom(error: unknown): TautlineError {
    return nameUpstreamFailure(error, { place: this.place, protocol: "h2" });
  }

  #reasoned(reason: string): TautlineError {
    return new TautlineError("carry.upstream_lost", { detail: { place: this.place, reason } });
  }

  #heard(): void {
    if (this.#silence === undefined) {
      this.#silence = setTimeout(() => this.#ask(), this.#options.keepaliveMs);
      this.#silence.unref();
    } else if (!this.isOver) this.#silence.refresh();
  }

  /** Asks whether the backend is there still, where calls wait and nothing comes. */
  #ask(): void {
    if (this.isOver || this.#calls === 0) return;
    const timeoutMs = this.#options.keepaliveTimeoutMs;
    const detail = { place: this.place, timeoutMs };
    const silent = new TautlineError("carry.upstream_silent", { detail });
    clearTimeout(this.#pong);
    this.#pong = setTimeout(() => this.destroy(silent), timeoutMs);
    this.#session.ping(() => {
      clearTimeout(this.#pong);
      this.#heard();
    });
  }

  #watchIdle(): void {
    if (this.isOver) return;
    if (this.#idle !== undefined) return void this.#idle.refresh();
    this.#idle = setTimeout(() => {
      if (this.#calls === 0) this.drain();
    }, this.#options.idleMs);
    this.#idle.unref();
  }
}

function openSession(socket: Duplex): ClientHttp2Session {
  const options = {
    createConnection: () => socket,
    peerMaxConcurrentStreams: CALLS_UNTOLD,
    maxReservedRemoteStreams: 0,
    maxSessionMemory: LARGEST_SESSION_MIB,
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: LARGEST_ANSWER_HEADERS,
    },
  };
  // Authority and scheme of each call are its own; this address is never looked up.
  return connect("http://upstream.invalid", options);
}
