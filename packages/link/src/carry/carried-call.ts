import { constants } from "node:http2";
import type { Readable, Writable } from "node:stream";
import { toTautlineError, TautlineError } from "@tautline/protocol";
import { BodyMeter } from "./body-meter.ts";
import type { CallHead, CallLimits, CallRecord, CallVerdict } from "./call.ts";
import type { Caller } from "./caller.ts";
import { nameBackendStatus } from "./carry-failure.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import {
  answerHeaders,
  isPlainPath,
  type RawHeaders,
  requestHeaders,
  trailersOf,
} from "./header-rules.ts";
import { holdRequest } from "./hold-request.ts";
import type { Leg, LegEnd, LegEvents, LegRequest } from "./leg.ts";
import { RequestBody } from "./request-body.ts";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;
/** A call that was not taken in is sent again at most so often. */
const MOST_RETRIES = 3;

/** What a call needs of its connection. */
export interface CarriedCallOptions {
  readonly judge: (head: CallHead) => CallVerdict | Promise<CallVerdict>;
  readonly limits: CallLimits;
  readonly now: () => number;
  /** Once, when the call is over. */
  readonly onOver: (record: CallRecord) => void;
}

/** One call on its way from a caller to a backend and back. */
export class CarriedCall {
  readonly #caller: Caller;
  readonly #options: CarriedCallOptions;
  readonly #isGrpc: boolean;
  readonly #beganMs: number;
  #verdict: Exclude<CallVerdict, { refusal: TautlineError }> | undefined;
  #request: RequestBody | undefined;
  #answerMeter: BodyMeter | undefined;
  #leg: Leg | undefined;
  /** Tells the events of this leg from those of one that was given up. */
  #attempt = 0;
  #deadline: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #httpStatus: number | undefined;
  #trailers: RawHeaders | undefined;
  #isOver = false;

  constructor(caller: Caller, options: CarriedCallOptions) {
    this.#caller = caller;
    this.#options = options;
    this.#isGrpc = isGrpcType(caller.headers["content-type"]);
    this.#beganMs = options.now();
    caller.onGone = (reason, code) => this.#end(reason, () => this.#leg?.cancel(code));
  }

  /** Judges the call and carries it. */
  start(): void {
    const refusal = this.#refusalOfHead();
    if (refusal !== undefined) return this.fail(refusal);
    const { method, path, authority, headers } = this.#caller;
    try {
      const verdict = this.#options.judge({
        method,
        path,
        authority,
        headers,
        isGrpc: this.#isGrpc,
      });
      if (!(verdict instanceof Promise)) return this.#judged(verdict);
      verdict.then(
        (judged) => this.#judged(judged),
        (error: unknown) => this.fail(toTautlineError(error)),
      );
    } catch (error) {
      this.fail(toTautlineError(error));
    }
  }

  /** Ends the call with this reason, at both ends. */
  fail(error: TautlineError): void {
    this.#end(error, () => {
      this.#leg?.cancel(NGHTTP2_CANCEL);
      this.#caller.fail(error, this.#isGrpc);
    });
  }

  #refusalOfHead(): TautlineError | undefined {
    const { method, path, headers } = this.#caller;
    if (method === "CONNECT" || method === "TRACE" || method.startsWith(":")) {
      return new TautlineError("carry.method_refused", { detail: { method } });
    }
    if (!isPlainPath(path)) return new TautlineError("carry.path_refused", { detail: { path } });
    const timeout = headers["grpc-timeout"];
    if (!this.#isGrpc || timeout === undefined) return undefined;
    const text = String(timeout);
    const timeoutMs = parseGrpcTimeout(text);
    if (timeoutMs === undefined) {
      return new TautlineError("carry.deadline_malformed", { detail: { text } });
    }
    const pass = (): void =>
      this.fail(new TautlineError("carry.deadline_exceeded", { detail: { timeoutMs } }));
    this.#deadline = setTimeout(pass, timeoutMs);
    return undefined;
  }

  #judged(verdict: CallVerdict): void {
    if (this.#isOver) return;
    if ("refusal" in verdict) return this.fail(verdict.refusal);
    if (this.#isGrpc && verdict.to.protocol !== "h2") {
      return this.fail(new TautlineError("carry.wants_http2"));
    }
    this.#verdict = verdict;
    const limits = { ...this.#options.limits, ...verdict.limits };
    const isGrpc = this.#isGrpc;
    const meter = new BodyMeter(isGrpc, isGrpc ? limits.messageBytes : limits.bodyBytes);
    // How long an answer of plain HTTP is, is the backend's affair: it passes by.
    this.#answerMeter = new BodyMeter(
      isGrpc,
      isGrpc ? limits.messageBytes : Number.POSITIVE_INFINITY,
    );
    this.#request = new RequestBody(this.#caller.body, {
      ends: this.#caller.ends,
      meter,
      hold: holdRequest(verdict.look, isGrpc),
      held: verdict.look?.held,
      onBytes: () => this.#moved(),
      onRefused: (error) => this.fail(error),
    });
    if (!isGrpc) this.#watchSilence(limits.silentMs);
    this.#request.beginWith(() => this.#open(verdict));
  }

  #open(verdict: Exclude<CallVerdict, { refusal: TautlineError }>): void {
    const { method, path, rawHeaders, headers, ends } = this.#caller;
    const { set, strip, to } = verdict;
    const rules = { set, strip, isGrpc: this.#isGrpc, to: to.protocol };
    const passed = requestHeaders(rawHeaders, headers, rules);
    const request: LegRequest = { method, path, headers: passed, ends };
    this.#attempt += 1;
    try {
      const opened = to.open(request, this.#eventsOf(this.#attempt));
      if (!(opened instanceof Promise)) return this.#opened(opened);
      opened.then(
        (leg) => this.#opened(leg),
        (error: unknown) => this.fail(toTautlineError(error)),
      );
    } catch (error) {
      this.fail(toTautlineError(error));
    }
  }

  #opened(leg: Leg): void {
    this.#leg = leg;
    if (this.#isOver) return leg.cancel(NGHTTP2_CANCEL);
    this.#request?.flowInto(leg.body);
  }

  #eventsOf(attempt: number): LegEvents {
    const isStale = (): boolean => this.#isOver || attempt !== this.#attempt;
    return {
      head: (status, headers, ends, answer) => {
        if (!isStale()) this.#answered(status, headers, ends, answer);
      },
      trailers: (raw) => {
        // Those about one connection stay on it, as in the head.
        if (!isStale()) this.#trailers = answerHeaders(raw);
      },
      end: () => {
        if (isStale()) return;
        this.#caller.finish(this.#trailers === undefined ? undefined : trailersOf(this.#trailers));
        this.#answerEnded();
      },
      over: (end) => {
        if (!isStale()) this.#legOver(end);
      },
    };
  }

  #answered(status: number, headers: RawHeaders, ends: boolean, answer: Readable): void {
    this.#moved();
    // What was kept to be sent again is not needed any more.
    this.#request?.forget();
    const passed = answerHeaders(headers);
    let target: Writable;
    try {
      target = this.#caller.answer(status, passed, ends);
    } catch (error) {
      // A status or a header that the caller's version of HTTP does not have.
      return this.fail(this.#nameMalformed(error));
    }
    this.#httpStatus = status;
    if (ends) {
      this.#trailers = passed;
      answer.resume();
      return this.#answerEnded();
    }
    this.#pumpAnswer(answer, target);
  }

  #nameMalformed(error: unknown): TautlineError {
    const reason = error instanceof Error ? error.message : "its head cannot be passed on";
    const detail = { place: this.#leg?.place ?? "?", protocol: "HTTP", reason };
    return new TautlineError("carry.upstream_malformed", { detail, cause: error });
  }

  #pumpAnswer(answer: Readable, target: Writable): void {
    const meter = this.#answerMeter;
    answer.on("data", (chunk: Buffer) => {
      if (this.#isOver) return;
      const refusal = meter?.read(chunk);
      if (refusal !== undefined) return this.fail(refusal);
      this.#moved();
      if (target.write(chunk)) return;
      answer.pause();
      target.once("drain", () => answer.resume());
    });
  }

  /** The answer is whole; what the caller still sends reaches nobody. */
  #answerEnded(): void {
    const isSent = this.#request?.isWhole ?? true;
    this.#end(this.#failureOfAnswer(), () => {
      if (!isSent) this.#leg?.cancel(NGHTTP2_NO_ERROR);
    });
  }

  #legOver(end: LegEnd | undefined): void {
    // An answer's end is told by its body.
    if (end === undefined) return;
    const { error, isUntaken, resetCode } = end;
    const verdict = this.#verdict;
    const mayRetry = isUntaken && this.#httpStatus === undefined && this.#attempt <= MOST_RETRIES;
    if (verdict !== undefined && mayRetry && this.#request?.rewind() === true) {
      this.#leg = undefined;
      return this.#open(verdict);
    }
    if (resetCode === undefined || !this.#isGrpc) return this.fail(error);
    this.#end(error, () => this.#caller.reset(resetCode));
  }

  #failureOfAnswer(): TautlineError | undefined {
    if (!this.#isGrpc) return undefined;
    const place = this.#leg?.place ?? "?";
    const status = this.#grpcStatus();
    const httpStatus = this.#httpStatus ?? 0;
    if (status === undefined) {
      const detail = { place, status: httpStatus };
      return new TautlineError("carry.backend_not_grpc", { detail });
    }
    const trailers = trailersOf(this.#trailers ?? []);
    return nameBackendStatus({ status, message: String(trailers["grpc-message"] ?? "") }, place);
  }

  #grpcStatus(): number | undefined {
    const raw = this.#trailers;
    if (raw === undefined) return undefined;
    for (let at = 0; at < raw.length; at += 2) {
      if (raw[at] === "grpc-status") return Number(raw[at + 1]);
    }
    return undefined;
  }

  #watchSilence(silentMs: number): void {
    const give = (): void =>
      this.fail(new TautlineError("carry.silent", { detail: { timeoutMs: silentMs } }));
    this.#silence = setTimeout(give, silentMs);
  }

  #moved(): void {
    this.#silence?.refresh();
  }

  #end(failure: TautlineError | undefined, last: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#silence);
    this.#request?.stop();
    last();
    const { method, path } = this.#caller;
    this.#options.onOver({
      method,
      path,
      isGrpc: this.#isGrpc,
      httpStatus: this.#httpStatus,
      grpcStatus: this.#isGrpc ? this.#grpcStatus() : undefined,
      requestBytes: this.#request?.bytes ?? 0,
      responseBytes: this.#answerMeter?.bytes ?? 0,
      requestMessages: this.#request?.messages ?? 0,
      responseMessages: this.#answerMeter?.messages ?? 0,
      durationMs: this.#options.now() - this.#beganMs,
      place: this.#leg?.place,
      failure,
    });
  }
}

/** "application/grpc", alone or with what encodes its messages; grpc-web is plain HTTP. */
function isGrpcType(type: string | undefined): boolean {
  return type !== undefined && /^application\/grpc(?:$|[+;])/i.test(type);
}
