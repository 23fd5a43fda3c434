import { Agent, request as ask, type ClientRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { toTautlineError } from "@tautline/protocol";
import { nameUpstreamFailure } from "./carry-failure.ts";
import type { Leg, LegEnd, LegEvents, LegRequest } from "./leg.ts";
import type { UpstreamPlace } from "./upstreams.ts";

const LARGEST_ANSWER_HEADERS = 64 * 1024;
const CONNECTIONS_AT_ONCE = 64;

/** What the connections with a backend of HTTP/1.1 need. */
export interface Http1UpstreamOptions {
  readonly place: UpstreamPlace;
  readonly idleMs: number;
  /** Opens a connection, or says why not: what is told of the place's state. */
  readonly dial: () => Promise<Duplex>;
  readonly onLegOver: () => void;
}

/** Connections of HTTP/1.1 with one backend, kept for the next call. */
export class Http1Upstream {
  readonly #options: Http1UpstreamOptions;
  readonly #agent: Agent;
  #calls = 0;

  constructor(options: Http1UpstreamOptions) {
    this.#options = options;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: CONNECTIONS_AT_ONCE,
      timeout: options.idleMs,
    });
    // Node takes the connection from a callback where none is returned.
    this.#agent.createConnection = (_options, done) => {
      void dialInto(options.dial, (error, socket) => done?.(error, socket as Duplex));
      return undefined;
    };
  }

  get calls(): number {
    return this.#calls;
  }

  /**
   * Sends a request's head.
   *
   * @param request names and values only, in lower case
   * @param events told what comes
   */
  open(request: LegRequest, events: LegEvents): Leg {
    const { place } = this.#options;
    const asking = ask({
      method: request.method,
      path: request.path,
      headers: headersOf(request, place),
      agent: this.#agent,
      maxHeaderSize: LARGEST_ANSWER_HEADERS,
      setDefaultHeaders: false,
    });
    this.#calls += 1;
    const over = (end: LegEnd | undefined): void => {
      this.#calls -= 1;
      events.over(end);
      this.#options.onLegOver();
    };
    follow(asking, place.name, { ...events, over });
    if (request.ends) asking.end();
    // The head goes at once: a backend may answer before the body has come.
    else asking.flushHeaders();
    return { place: place.name, body: asking, cancel: () => void asking.destroy() };
  }

  destroy(): void {
    this.#agent.destroy();
  }
}

async function dialInto(
  dial: () => Promise<Duplex>,
  done: (error: Error | null, socket?: Duplex) => void,
): Promise<void> {
  let socket: Duplex;
  try {
    socket = await dial();
  } catch (error) {
    return done(toTautlineError(error));
  }
  done(null, socket);
}

function headersOf(request: LegRequest, place: UpstreamPlace): string[] {
  const headers = ["host", place.authority, ...request.headers, "connection", "keep-alive"];
  const isMeasured = request.headers.some((name, at) => at % 2 === 0 && name === "content-length");
  return request.ends || isMeasured ? headers : [...headers, "transfer-encoding", "chunked"];
}

function follow(asking: ClientRequest, place: string, events: LegEvents): void {
  let failed: unknown;
  let isWhole = false;
  asking.on("error", (error) => (failed ??= error));
  asking.on("response", (answer: IncomingMessage) => {
    answer.on("error", (error) => (failed ??= error));
    answer.on("end", () => {
      if (!answer.complete) return;
      isWhole = true;
      if (answer.rawTrailers.length > 0) events.trailers(answer.rawTrailers);
      events.end();
    });
    events.head(answer.statusCode ?? 0, answer.rawHeaders, false, answer);
  });
  asking.on("close", () => {
    if (isWhole) return events.over(undefined);
    const error = nameUpstreamFailure(failed, { place, protocol: "http/1.1" });
    // Without a connection nothing was sent.
    const isUntaken = asking.socket === null;
    events.over({ error, isUntaken, resetCode: undefined });
  });
}
