import type { LegOpener } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";

/** Names and values, one after the other. */
export type FlatHeaders = readonly string[];

/** An answer, whole. */
export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: FlatHeaders;
  readonly body: Buffer;
  /** Of gRPC; undefined where none came. */
  readonly trailers: FlatHeaders | undefined;
}

/** That no answer came. */
export interface NoAnswer {
  readonly kind: "none";
  readonly error: TautlineError;
}

/**
 * What an answer means for a call that may be kept: the backend has it; nobody is there who could take it; it is there and asks to be
 * spared; it refuses the call, now and later.
 */
export type AnswerMeaning = "taken" | "away" | "busy" | "refused";

/** UNAVAILABLE, and DEADLINE_EXCEEDED, which here is a deadline of those on the way. */
const GRPC_AWAY = new Set(["14", "4"]);
/** RESOURCE_EXHAUSTED, and ABORTED. */
const GRPC_BUSY = new Set(["8", "10"]);
const HTTP_AWAY = new Set([502, 503, 504]);
const HTTP_BUSY = new Set([408, 429]);

/**
 * Tells what an answer means. PERMISSION_DENIED, UNAUTHENTICATED and UNIMPLEMENTED refuse: waiting does not mend them, and keeping
 * would hide them from the program (SW-13, SW-15).
 *
 * @param answer of a call that may be kept
 * @param isGrpc of the call
 */
export function meaningOf(answer: Omit<Answer, "kind">, isGrpc: boolean): AnswerMeaning {
  const grpc = isGrpc ? grpcStatusOf(answer) : undefined;
  if (grpc === undefined) return meaningOfHttp(answer.status, isGrpc);
  if (grpc === "0") return "taken";
  if (GRPC_AWAY.has(grpc)) return "away";
  return GRPC_BUSY.has(grpc) ? "busy" : "refused";
}

/**
 * Says in a few words how an answer refused a call.
 *
 * @param answer that did
 */
export function refusalText(answer: Omit<Answer, "kind">): string {
  const status = grpcStatusOf(answer);
  if (status === undefined) return `HTTP status ${answer.status}`;
  const text = valueOf(answer.trailers ?? answer.headers, "grpc-message");
  return text === undefined ? `gRPC status ${status}` : `gRPC status ${status}, ${text}`;
}

/** Without trailers a call of gRPC did not come to its end, whatever the status of HTTP. */
function meaningOfHttp(status: number, isGrpc: boolean): AnswerMeaning {
  if (HTTP_AWAY.has(status)) return "away";
  if (HTTP_BUSY.has(status)) return "busy";
  if (isGrpc && status === 200) return "away";
  return status >= 200 && status < 300 ? "taken" : "refused";
}

/** An answer without a message has its trailers where others have their headers. */
function grpcStatusOf({ headers, trailers }: Omit<Answer, "kind">): string | undefined {
  return valueOf(trailers ?? headers, "grpc-status");
}

function valueOf(headers: FlatHeaders, name: string): string | undefined {
  const at = headers.findIndex((one, index) => index % 2 === 0 && one === name);
  return at === -1 ? undefined : headers[at + 1];
}

/** A call that is sent whole. */
export interface WholeCall {
  readonly path: string;
  readonly headers: FlatHeaders;
  readonly body: Uint8Array;
}

/** How long an answer is waited for. */
export interface SendOptions {
  readonly timeoutMs: number;
  /** Calls it off. */
  readonly signal: AbortSignal;
}

/** Valid answers to what may be kept have a few bytes; OTLP's may say what was not taken of it. */
const LARGEST_ANSWER_BYTES = 1024 * 1024;
/** CANCEL (RFC 9113 section 7). */
const CANCEL = 8;

/**
 * Sends a call whole and waits for its whole answer.
 *
 * @param opener where it goes
 * @param call to be sent
 * @param options how long
 * @returns never rejects
 */
export function sendWhole(
  opener: LegOpener,
  call: WholeCall,
  { timeoutMs, signal }: SendOptions,
): Promise<Answer | NoAnswer> {
  const { promise, resolve } = Promise.withResolvers<Answer | NoAnswer>();
  const ending = new AbortController();
  const settle = (outcome: Answer | NoAnswer): void => {
    clearTimeout(timer);
    signal.removeEventListener("abort", callOff);
    resolve(outcome);
    ending.abort();
  };
  const fail = (error: unknown): void => settle({ kind: "none", error: toTautlineError(error) });
  const callOff = (): void => fail(away("the call was broken off"));
  const timer = setTimeout(() => fail(away(`no answer came within ${timeoutMs} ms`)), timeoutMs);
  signal.addEventListener("abort", callOff, { once: true });
  if (signal.aborted) callOff();
  else send(opener, call, { settle, fail, ending: ending.signal }).catch(fail);
  return promise;
}

interface Sending {
  readonly settle: (outcome: Answer) => void;
  readonly fail: (error: unknown) => void;
  /** Aborts once it is settled, however that came. */
  readonly ending: AbortSignal;
}

async function send(
  opener: LegOpener,
  { path, headers, body }: WholeCall,
  { settle, fail, ending }: Sending,
): Promise<void> {
  const chunks: Buffer[] = [];
  let [length, status, trailers] = [0, 0, undefined as FlatHeaders | undefined];
  let head: FlatHeaders = [];
  const request = { method: "POST", path, headers, ends: body.length === 0 };
  const leg = await opener.open(request, {
    head: (code, answered, ends, answer) => {
      [status, head] = [code, answered];
      if (ends) {
        answer.resume();
        return;
      }
      answer.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > LARGEST_ANSWER_BYTES) fail(away("its answer is too long"));
        else chunks.push(chunk);
      });
      answer.on("error", fail);
    },
    trailers: (raw) => {
      trailers = raw;
    },
    end: () => {},
    // In order, once its whole body was read.
    over: (end) => {
      if (end === undefined) {
        settle({ kind: "answer", status, headers: head, body: Buffer.concat(chunks), trailers });
      } else fail(end.error);
    },
  });
  leg.body.on("error", () => {});
  const cancel = (): void => leg.cancel(CANCEL);
  if (ending.aborted) return cancel();
  ending.addEventListener("abort", cancel, { once: true });
  if (body.length > 0) leg.body.end(body);
}

function away(reason: string): TautlineError {
  return new TautlineError("agent.edge_away", { detail: { reason } });
}
