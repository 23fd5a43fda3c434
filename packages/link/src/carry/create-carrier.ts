import type { Duplex } from "node:stream";
import { CARRY_LIMITS, TautlineError, toTautlineError } from "@tautline/protocol";
import type { CarriedConnection, Carrier, CarrierLimits, CarrierOptions } from "./carrier.ts";
import { Http2Connection } from "./http2-connection.ts";
import { nameCallerFailure } from "./carry-failure.ts";
import { createHttp1Server, type Http1Connection, type Http1Server } from "./http1-server.ts";
import { awaitHttp } from "./preface.ts";
import type { ServedOptions } from "./served-connection.ts";

/** The limits of a carrier that nobody set. */
export const DEFAULT_CARRIER_LIMITS: CarrierLimits = Object.fromEntries(
  Object.entries(CARRY_LIMITS).map(([name, { value }]) => [name, value]),
) as unknown as CarrierLimits;

/**
 * Makes a carrier: it serves whatever connections it is given, and asks of each call where it goes.
 *
 * @param options who judges, who is told, limits
 */
export function createCarrier<Context>(options: CarrierOptions<Context>): Carrier<Context> {
  const limits = { ...DEFAULT_CARRIER_LIMITS, ...options.limits };
  const http1 = createHttp1Server(limits);
  const connections = new Set<Connection>();
  let isStopped = false;
  return {
    serve: (stream, context) => {
      const served: ServedOptions = {
        limits,
        now: options.now,
        judge: (head) => options.judge(head, context),
        onCall: (record) => options.onCall?.(record, context),
      };
      const connection = new Connection(stream, served, http1);
      connections.add(connection);
      void connection.closed.then(() => connections.delete(connection));
      if (isStopped) connection.end(new TautlineError("carry.stopping"));
      return connection;
    },
    stop: async (graceMs) => {
      isStopped = true;
      for (const connection of connections) connection.drain();
      const timer = setTimeout(() => {
        for (const connection of connections) connection.end(new TautlineError("carry.stopping"));
      }, graceMs);
      await Promise.all([...connections].map(({ closed }) => closed));
      clearTimeout(timer);
      http1.close();
    },
  };
}

/** One connection, before and after it is known what it speaks. */
class Connection implements CarriedConnection {
  readonly #stream: Duplex;
  readonly closed: Promise<TautlineError | undefined>;
  #protocol: "h2" | "http/1.1" | undefined;
  #served: Http2Connection | Http1Connection | undefined;
  #reason: TautlineError | undefined;
  #isEnding = false;

  constructor(stream: Duplex, options: ServedOptions, http1: Http1Server) {
    this.#stream = stream;
    // Stays for its life: a reset between two owners would end the process.
    stream.on("error", (error) => (this.#reason ??= nameCallerFailure(error)));
    this.closed = new Promise((resolve) => {
      if (stream.destroyed) resolve(this.#reason);
      else stream.once("close", () => resolve(this.#reason));
    });
    awaitHttp(stream, options.limits.firstCallMs).then(
      (protocol) => this.#serve(protocol, options, http1),
      (error: unknown) => this.#refuse(toTautlineError(error)),
    );
  }

  get protocol(): "h2" | "http/1.1" | undefined {
    return this.#protocol;
  }

  get counts(): { readonly calls: number; readonly open: number } {
    return this.#served?.counts ?? { calls: 0, open: 0 };
  }

  end(reason: TautlineError): void {
    this.#isEnding = true;
    if (this.#served === undefined) return this.#refuse(reason);
    this.#served.end(reason);
  }

  drain(): void {
    if (this.#served === undefined) this.#refuse(new TautlineError("carry.stopping"));
    else this.#served.drain();
  }

  #serve(protocol: "h2" | "http/1.1", options: ServedOptions, http1: Http1Server): void {
    if (this.#isEnding || this.#stream.destroyed) return;
    this.#protocol = protocol;
    // What nghttp2 calls an error may be the end that it put to abuse.
    const onEnded = (reason: TautlineError): void => {
      if (this.#reason === undefined || this.#reason.code === "carry.not_http") {
        this.#reason = reason;
      }
    };
    try {
      this.#served =
        protocol === "h2"
          ? new Http2Connection(this.#stream, options, onEnded)
          : http1.serve(this.#stream, options, onEnded);
    } catch (error) {
      this.#refuse(toTautlineError(error));
    }
  }

  /** Nothing can be said to a caller of whom it is not known what it speaks. */
  #refuse(reason: TautlineError): void {
    this.#reason ??= reason;
    this.#stream.destroy();
  }
}
