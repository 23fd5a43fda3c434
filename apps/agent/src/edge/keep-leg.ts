import { Readable, Writable } from "node:stream";
import type { Leg, LegEvents, LegOpener, LegRequest } from "@tautline/link";
import { parseGrpcTimeout } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { type Answer, meaningOf, type NoAnswer, sendWhole } from "./answer.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { EmptyReply } from "./keepable-call.ts";
import type { CallStore } from "./store/call-store.ts";
import { clientOf } from "./store/losses.ts";

/** What every call that may be kept needs. */
export interface KeepOptions {
  readonly store: Pick<CallStore, "put" | "countLoss">;
  /** Where calls go while somebody is there; asked at each call. */
  readonly onward: () => LegOpener;
  /** Bytes of one call that may be kept. */
  readonly maxCall: number;
  readonly budget: ByteBudget;
  /** How long an answer is waited for before the call is kept. */
  readonly patienceMs: number;
  /** Milliseconds that never go back. */
  readonly elapsed: () => number;
  /** The backend has taken a call: it is there. */
  readonly onTaken: () => void;
  /** A call was kept, because of this. */
  readonly onKept: (why: TautlineError) => void;
  readonly onProblem: (error: TautlineError) => void;
}

const PLACE = "the edge";
const CANCEL = 8;
/** An empty message of gRPC: not compressed, no bytes. */
const EMPTY_MESSAGE = Buffer.alloc(5);

/**
 * Takes a call that may be kept. It is held until it is whole, then sent on; where nobody can take it, it is on the disk before its
 * program hears that it was taken (promise 3). One that grows too long to be kept is led on as it comes, like any other.
 *
 * @param request its head
 * @param reply that tells its program it was taken
 * @param events take the answer
 * @param options store, way, limits
 */
export function openKeepLeg(
  request: LegRequest,
  reply: EmptyReply,
  events: LegEvents,
  options: KeepOptions,
): Leg {
  return new KeepLeg(request, { reply, events }, options);
}

class KeepLeg implements Leg {
  readonly place = PLACE;
  readonly body: Writable;
  readonly #request: LegRequest;
  readonly #reply: EmptyReply;
  readonly #events: LegEvents;
  readonly #options: KeepOptions;
  readonly #deadline: number;
  readonly #cancelling = new AbortController();
  #chunks: Buffer[] = [];
  #held = 0;
  #onward: Leg | undefined;
  #isOver = false;

  constructor(
    request: LegRequest,
    { reply, events }: { readonly reply: EmptyReply; readonly events: LegEvents },
    options: KeepOptions,
  ) {
    this.#request = request;
    this.#reply = reply;
    this.#events = events;
    this.#options = options;
    const asked = parseGrpcTimeout(valueOf(request.headers, "grpc-timeout") ?? "");
    this.#deadline = options.elapsed() + (asked ?? Number.POSITIVE_INFINITY);
    this.body = new Writable({
      write: (chunk: Buffer, _encoding, done) => void this.#takeIn(chunk, done),
      final: (done) => {
        done();
        if (this.#onward === undefined) void this.#deliver();
        else this.#onward.body.end();
      },
    });
    this.body.on("error", (error) => this.#fail(error));
    if (request.ends) this.body.end();
  }

  cancel(code: number): void {
    this.#isOver = true;
    this.#release();
    this.#cancelling.abort();
    this.#onward?.cancel(code);
    this.body.destroy();
  }

  async #takeIn(chunk: Buffer, done: (error?: Error) => void): Promise<void> {
    const failed = await this.#take(chunk).catch((error: unknown) => toTautlineError(error));
    done(failed ?? undefined);
  }

  async #take(chunk: Buffer): Promise<void> {
    if (this.#isOver) return;
    if (this.#onward !== undefined) return pass(this.#onward, chunk);
    if (this.#held + chunk.length > this.#options.maxCall) return this.#leadOn(chunk);
    const { budget } = this.#options;
    if (!budget.take(chunk.length)) {
      this.#options.store.countLoss(clientOf(valueOf(this.#request.headers, "user-agent")), "busy");
      throw new TautlineError("agent.edge_busy", { detail: { bytes: budget.limit } });
    }
    this.#held += chunk.length;
    this.#chunks.push(chunk);
  }

  /** From here on it is a call as any other: what comes goes on, and nothing of it is kept. */
  async #leadOn(chunk: Buffer): Promise<void> {
    const begun = this.#release();
    const leg = await this.#options.onward().open(this.#request, this.#events);
    this.#onward = leg;
    leg.body.on("error", () => {});
    if (this.#isOver) return leg.cancel(CANCEL);
    for (const one of [...begun, chunk]) await pass(leg, one);
  }

  async #deliver(): Promise<void> {
    const { onward, patienceMs, elapsed, onTaken } = this.#options;
    const { path } = this.#request;
    const body = Buffer.concat(this.#chunks);
    const left = (this.#deadline - elapsed()) / 2;
    const call = { path, headers: headersToSend(this.#request.headers), body };
    const outcome = await sendWhole(onward(), call, {
      timeoutMs: Math.max(1, Math.min(patienceMs, left)),
      signal: this.#cancelling.signal,
    });
    if (this.#isOver) return;
    if (outcome.kind === "answer") {
      const meaning = meaningOf(outcome, this.#reply.kind === "grpc");
      if (meaning === "taken") onTaken();
      if (meaning !== "away") return this.#answer(outcome);
    }
    await this.#keep(call, whyAway(outcome));
  }

  async #keep(
    call: { readonly path: string; readonly headers: readonly string[]; readonly body: Buffer },
    why: TautlineError,
  ): Promise<void> {
    const client = clientOf(valueOf(call.headers, "user-agent"));
    try {
      await this.#options.store.put({ ...call, isGrpc: this.#reply.kind === "grpc", client });
    } catch (error) {
      const failed = toTautlineError(error);
      this.#options.onProblem(failed);
      return this.#fail(failed);
    }
    this.#options.onKept(why);
    if (!this.#isOver) this.#answer(emptyAnswer(this.#reply));
  }

  #answer({ status, headers, body, trailers }: Omit<Answer, "kind">): void {
    const events = this.#events;
    this.#isOver = true;
    this.#release();
    const answer = new Readable({ read: () => {} });
    answer.once("end", () => events.end());
    answer.once("close", () => events.over(undefined));
    const ends = body.length === 0 && trailers === undefined;
    if (body.length > 0) answer.push(body);
    answer.push(null);
    events.head(status, headers, ends, answer);
    if (trailers !== undefined) events.trailers(trailers);
    if (ends) answer.resume();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#release();
    const end = { error: toTautlineError(error), isUntaken: false, resetCode: undefined };
    this.#events.over(end);
  }

  #release(): readonly Buffer[] {
    const chunks = this.#chunks;
    this.#options.budget.give(this.#held);
    this.#held = 0;
    this.#chunks = [];
    return chunks;
  }
}

/** The deadline is that of this program, which by then has its answer; and the call's own length is known. */
function headersToSend(headers: readonly string[]): readonly string[] {
  return headers.filter((_, at) => {
    const name = headers[at - (at % 2)];
    return name !== "grpc-timeout";
  });
}

function emptyAnswer(reply: EmptyReply): Omit<Answer, "kind"> {
  if (reply.kind === "grpc") {
    const headers = ["content-type", "application/grpc"];
    return { status: 200, headers, body: EMPTY_MESSAGE, trailers: ["grpc-status", "0"] };
  }
  const body = Buffer.from(reply.body);
  const headers = ["content-type", reply.contentType, "content-length", String(body.length)];
  return { status: 200, headers, body, trailers: undefined };
}

function whyAway(outcome: Answer | NoAnswer): TautlineError {
  if (outcome.kind === "none") return outcome.error;
  const reason = "the answer was that nobody can take it now.";
  return new TautlineError("agent.edge_away", { detail: { reason } });
}

function valueOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((one, index) => index % 2 === 0 && one === name);
  return at === -1 ? undefined : headers[at + 1];
}

function pass(leg: Leg, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    leg.body.write(chunk, () => resolve());
  });
}
