import type { Socket } from "node:net";
import { resolve } from "node:path";
import {
  type CallHead,
  type CallRecord,
  type CallVerdict,
  type Carrier,
  createBackoff,
  createCarrier,
  type Upstreams,
} from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import { wait } from "../clock.ts";
import {
  formatListenAddress,
  type ListenAddress,
  readListenAddress,
} from "../forwards/listen-address.ts";
import { type LocalListener, openLocalListener } from "../forwards/local-listener.ts";
import { createByteBudget } from "./byte-budget.ts";
import { judgeCaller } from "./caller-rule.ts";
import type { EdgeSettings } from "./edge-settings.ts";
import type { EdgeStatus } from "./edge-status.ts";
import { keepingUpstreams } from "./keeping-upstreams.ts";
import { startAtLast } from "./start-at-last.ts";
import { createOnwardWay, type OnwardWay, type OnwardWayOptions } from "./onward-way.ts";
import { type Resender, startResender } from "./resender.ts";
import { type CallStore, NO_STORE, openCallStore } from "./store/call-store.ts";
import type { EdgeTotals } from "./store/store-state.ts";

/** How long calls that are under way may go on when the agent stops. */
const DRAIN_MS = 10_000;
/** Under these names central tells backends who calls; where a receiver is not ours nobody else would strip them. */
const CENTRALS_WORD = ["tautline-*"];
/** What is waited between two tries to send what is kept. */
const RESEND_FIRST_MS = 1_000;
const RESEND_LONGEST_MS = 30_000;

/** What an edge needs. */
export interface EdgeServiceOptions extends Pick<
  OnwardWayOptions,
  "places" | "isCentral" | "connectTimeoutMs" | "clock" | "random" | "onProblem"
> {
  readonly settings: EdgeSettings & { readonly listen: string };
  /** That paths are relative to. */
  readonly dataDir: string;
  readonly vault: Pick<Vault, "seal" | "open">;
  /** The files that receivers are dialled by, and what went wrong last; both for the status. */
  readonly shown?: () => Pick<EdgeStatus, "files" | "trouble">;
}

/** The edge of an agent: nothing listens, and nothing is dialled, before it is started. */
export interface EdgeService {
  /**
   * Begins to listen, where it does not yet, and to send what is kept.
   *
   * @throws vault.file_unsafe, vault.file_failed where the store cannot be opened
   */
  start(): void;
  /** As `start`, and where the store cannot be opened it says so and tries again, while the agent goes on with everything else. */
  startPatiently(): void;
  /** A new identity is in use: links are dialled anew under it. */
  renew(): void;
  /** Takes no more calls, lets those that are under way end for a while, then breaks them off. */
  stop(): Promise<void>;
  readonly status: EdgeStatus;
  /** What it came to in all its runs; undefined while the store is not open. */
  readonly totals: EdgeTotals | undefined;
  /** Puts them on the disk, so that a kill takes nothing of them back; where it cannot it says so. */
  keepTotals(): void;
}

/**
 * Makes an edge.
 *
 * @param options settings, places, store, time
 */
export function createEdgeService(options: EdgeServiceOptions): EdgeService {
  return new Edge(options);
}

class Edge implements EdgeService {
  readonly #options: EdgeServiceOptions;
  readonly #address: ListenAddress;
  readonly #stopping = new AbortController();
  readonly #carrier: Carrier<undefined>;
  readonly #way: OnwardWay;
  readonly #counts = {
    connections: 0,
    calls: 0,
    failed: 0,
    sentBytes: 0,
    receivedBytes: 0,
    kept: 0,
    delivered: 0,
  };
  #store: CallStore | undefined;
  #upstreams: Upstreams;
  #resender: Resender | undefined;
  #listener: LocalListener | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: EdgeServiceOptions) {
    this.#options = options;
    const address = readListenAddress(options.settings.listen);
    if (address === undefined) throw new TautlineError("internal.unexpected");
    this.#address = address;
    this.#way = createOnwardWay({ ...options, onReady: () => this.#onThere() });
    this.#upstreams = keepingUpstreams(() => this.#way.now, undefined);
    this.#carrier = createCarrier({
      judge: (head) => this.#judge(head),
      onCall: (record) => this.#onCall(record),
      now: options.clock.elapsed,
    });
  }

  get status(): EdgeStatus {
    const listener = this.#listener;
    return {
      listen:
        listener === undefined
          ? this.#options.settings.listen
          : formatListenAddress(listener.address),
      listening: listener !== undefined,
      ...this.#counts,
      onward: this.#way.now.states().map(({ name, state, error }) => ({
        name,
        state,
        error: error === undefined ? null : `${error.message} ${error.remedy}`,
        code: error?.code ?? null,
      })),
      store: this.#store?.status ?? NO_STORE,
      ...(this.#options.shown?.() ?? { files: null, trouble: null }),
    };
  }

  get totals(): EdgeTotals | undefined {
    return this.#store?.totals;
  }

  keepTotals(): void {
    try {
      this.#store?.keep();
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
    }
  }

  start(): void {
    if (this.#resender !== undefined || this.#stopping.signal.aborted) return;
    this.#startWith(this.#openStore());
  }

  startPatiently(): void {
    const { clock, random, onProblem } = this.#options;
    const { signal } = this.#stopping;
    const attempt = () => this.start();
    void startAtLast(attempt, { clock, random, onProblem, signal });
  }

  #startWith(store: CallStore): void {
    const { signal } = this.#stopping;
    this.#store = store;
    this.#upstreams = keepingUpstreams(() => this.#way.now, this.#keepOptions(store));
    const { clock, random, onProblem, settings } = this.#options;
    const [firstMs, capMs] = [RESEND_FIRST_MS, RESEND_LONGEST_MS];
    this.#resender = startResender(
      {
        store: {
          oldest: (most) => store.oldest(most),
          refused: (stored) => store.refused(stored),
          delivered: (seq) => {
            this.#counts.delivered += 1;
            store.delivered(seq);
          },
        },
        onward: () => this.#way.now,
        timeoutMs: settings.store.patience,
        clock,
        backoff: createBackoff({ firstMs, capMs, random }),
        onProblem,
      },
      signal,
    );
    // It is kept warm: the first call need not wait for a handshake.
    void this.#way.now.check(signal).catch(() => {});
    void this.#listen(signal);
  }

  renew(): void {
    if (this.#resender === undefined) return;
    this.#way.renew();
    void this.#way.now.check(this.#stopping.signal).catch(() => {});
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#drain();
    return this.#stopped;
  }

  async #drain(): Promise<void> {
    this.#stopping.abort();
    this.#listener?.close();
    this.#listener = undefined;
    await this.#carrier.stop(DRAIN_MS);
    await this.#resender?.done;
    await this.#way.stop(DRAIN_MS);
    await this.#store?.close();
  }

  #openStore(): CallStore {
    const { settings, dataDir, vault, clock, onProblem } = this.#options;
    const { folder, maxBytes, maxAge } = settings.store;
    return openCallStore({
      folder: resolve(dataDir, folder),
      vault,
      maxBytes,
      maxAgeMs: maxAge,
      now: clock.now,
      counts: () => this.#counts,
      onProblem,
    });
  }

  #keepOptions(store: CallStore): Parameters<typeof keepingUpstreams>[1] {
    const { settings, clock, onProblem } = this.#options;
    if (settings.store.maxBytes === 0) return undefined;
    return {
      store,
      maxCall: settings.store.maxCall,
      budget: createByteBudget(settings.maxInFlight),
      patienceMs: settings.store.patience,
      elapsed: clock.elapsed,
      onTaken: () => this.#onThere(),
      onKept: () => {
        this.#counts.kept += 1;
        this.#resender?.onKept();
      },
      onProblem,
    };
  }

  #judge(head: CallHead): CallVerdict {
    const reason = judgeCaller(head, this.#address);
    if (reason === undefined) return { to: this.#upstreams, strip: CENTRALS_WORD };
    return { refusal: new TautlineError("agent.edge_caller_refused", { detail: { reason } }) };
  }

  #onCall({ failure, requestBytes, responseBytes }: CallRecord): void {
    this.#counts.calls += 1;
    this.#counts.sentBytes += requestBytes;
    this.#counts.receivedBytes += responseBytes;
    if (failure !== undefined) this.#counts.failed += 1;
  }

  #onThere(): void {
    if ((this.#store?.status.calls ?? 0) > 0) this.#resender?.wake();
  }

  /** Tries until it listens: what is in the way may go away. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { clock, random, onProblem } = this.#options;
    const backoff = createBackoff({ random });
    while (!signal.aborted) {
      try {
        const listener = await this.#open();
        if (signal.aborted) listener.close();
        else this.#listener = listener;
        return;
      } catch (error) {
        onProblem(this.#named(error));
      }
      await wait(clock, backoff.next(), signal);
    }
  }

  #open(): Promise<LocalListener> {
    const { settings, dataDir, onProblem } = this.#options;
    const { mode } = settings;
    const address = this.#address;
    return openLocalListener({
      forward: "edge",
      address:
        address.kind === "unix" ? { ...address, path: resolve(dataDir, address.path) } : address,
      mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
      onConnection: (socket) => this.#serve(socket),
      onProblem: (error) => onProblem(this.#named(error)),
    });
  }

  #serve(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#counts.connections >= this.#options.settings.maxConnections) {
      socket.destroy();
      return;
    }
    this.#counts.connections += 1;
    const { closed } = this.#carrier.serve(socket.setNoDelay(), undefined);
    void closed.then(() => (this.#counts.connections -= 1));
  }

  #named(cause: unknown): TautlineError {
    const error = toTautlineError(cause);
    const address = this.#options.settings.listen;
    const isTaken = error.code === "agent.forward_socket_alive";
    const reason = isTaken
      ? "another program listens there"
      : String(error.detail["reason"] ?? error.message);
    return new TautlineError("agent.edge_listen_failed", { cause, detail: { address, reason } });
  }
}
