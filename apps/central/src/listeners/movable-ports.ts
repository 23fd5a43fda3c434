import type { Server } from "node:net";
import type { Logger } from "@tautline/daemon";
import type { HostPort } from "@tautline/link";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { explainListenError, type ListenPlace } from "./listen-error.ts";
import { type OpenPort, openPort, type PortPlace } from "./open-port.ts";

/** Ports that belong together, opened and moved while central runs. */
export interface MovablePorts<Name extends string, Settings> {
  /** What holds now: whoever judges a caller asks anew. */
  settings(): Settings;
  /** The addresses really taken. */
  addressesOf(name: Name): readonly HostPort[];
  /** @throws central.address_in_use, central.cannot_listen, and nothing listens then */
  open(): Promise<void>;
  /**
   * Goes over to other settings: what is new opens before what is old closes, except where both are one port. What cannot be
   * opened or kept leaves everything as it was.
   *
   * @param change tells from what holds when its turn has come what shall hold, and keeps that; called with the ports really taken
   * @throws central.address_in_use, central.cannot_listen, central.stopping, and what `change` throws
   */
  change(change: PortChange<Settings>): Promise<void>;
  /** Listens no longer; resolves when every connection has ended. */
  close(): Promise<void>;
  /** Ends every connection there still is. */
  cut(): void;
}

/** A change of settings, in two steps. */
export interface PortChange<Settings> {
  readonly next: (now: Settings) => Settings;
  readonly keep: (before: Settings, after: Settings) => Promise<void>;
}

/** How a port is called where it cannot listen. */
export type NamedPort = Pick<ListenPlace, "listener" | "flag">;

/** What the ports need. */
export interface MovablePortsDeps<Name extends string, Settings> {
  readonly first: Settings;
  /** In the order in which they open. */
  readonly names: readonly Name[];
  readonly named: Readonly<Record<Name, NamedPort>>;
  /** Where a port is to listen; undefined where nothing is to listen under that name. */
  readonly wanted: (settings: Settings, name: Name) => PortPlace | undefined;
  /** Settings with the ports really taken: one that was any free one is that one from now on. */
  readonly real: (settings: Settings, portOf: (name: Name) => number | undefined) => Settings;
  /** Gives a server for connections to a port, not listening yet. */
  readonly serve: (name: Name) => Server;
  readonly log: Logger;
}

/**
 * Makes the ports, none of them open.
 *
 * @param deps what is set first, and what serves connections
 */
export function createMovablePorts<Name extends string, Settings>(
  deps: MovablePortsDeps<Name, Settings>,
): MovablePorts<Name, Settings> {
  const ports = new Ports(deps);
  let last: Promise<unknown> = Promise.resolve();
  let isClosing = false;
  return {
    settings: () => ports.settings,
    addressesOf: (name) => ports.addressesOf(name),
    open: () => ports.open(),
    change: (change) => {
      const work = last.then(() => {
        if (isClosing) throw new TautlineError("central.stopping");
        return ports.change(change);
      });
      last = work.catch(() => {});
      return work;
    },
    close: () => {
      isClosing = true;
      // What is being opened now would else stay open.
      return last.then(() => ports.close());
    },
    cut: () => ports.cut(),
  };
}

class Ports<Name extends string, Settings> {
  readonly #deps: MovablePortsDeps<Name, Settings>;
  readonly #open = new Map<Name, OpenPort>();
  /** No longer listening, but with connections. */
  readonly #closing = new Map<OpenPort, Promise<void>>();
  settings: Settings;

  constructor(deps: MovablePortsDeps<Name, Settings>) {
    this.#deps = deps;
    this.settings = deps.first;
  }

  addressesOf(name: Name): readonly HostPort[] {
    return this.#open.get(name)?.addresses ?? [];
  }

  async open(): Promise<void> {
    try {
      for (const name of this.#deps.names)
        await this.#openAt(name, this.#wanted(name, this.settings));
      this.settings = this.#real(this.settings);
    } catch (error) {
      this.#retireAll();
      this.cut();
      throw error;
    }
  }

  async change({ next, keep }: PortChange<Settings>): Promise<void> {
    const before = this.settings;
    const asked = next(before);
    const old = new Map(this.#open);
    const moving = this.#deps.names.filter(
      (name) => !isSame(this.#wanted(name, before), this.#wanted(name, asked)),
    );
    const inTheWay: Name[] = [];
    try {
      for (const name of moving) {
        const place = this.#wanted(name, asked);
        const rival = moving.find(
          (each) => this.#isRival(old.get(each), place) && !inTheWay.includes(each),
        );
        this.#open.delete(name);
        try {
          await this.#openAt(name, place, "--port");
        } catch (error) {
          const isTaken = isTautlineError(error) && error.code === "central.address_in_use";
          if (rival === undefined || !isTaken) throw error;
          // The kernel has one port for both: the old one makes way for as long as this takes.
          inTheWay.push(rival);
          this.#retire(old.get(rival));
          await this.#openAt(name, place, "--port");
        }
      }
      const after = this.#real(asked);
      await keep(before, after);
      this.settings = after;
    } catch (error) {
      await this.#goBack(old, inTheWay);
      throw error;
    }
    for (const name of moving) this.#retire(old.get(name));
  }

  close(): Promise<void> {
    this.#retireAll();
    return Promise.all(this.#closing.values()).then(() => undefined);
  }

  cut(): void {
    for (const port of this.#closing.keys()) port.cut();
  }

  async #goBack(old: ReadonlyMap<Name, OpenPort>, inTheWay: readonly Name[]): Promise<void> {
    for (const [name, port] of this.#open) {
      if (old.get(name) === port) continue;
      this.#retire(port);
      // Nobody on it was served yet: until a change is kept, nothing of it holds.
      port.cut();
    }
    this.#open.clear();
    for (const [name, port] of old) {
      if (!inTheWay.includes(name)) {
        this.#open.set(name, port);
        continue;
      }
      await this.#openAt(name, this.#wanted(name, this.settings)).catch((error: unknown) =>
        this.#deps.log.error({ err: error, listener: name }, "a port could not be opened again"),
      );
    }
  }

  async #openAt(name: Name, place: PortPlace | undefined, flag?: "--port"): Promise<void> {
    if (place === undefined) return;
    const { serve, log, named } = this.#deps;
    try {
      this.#open.set(name, await openPort(place, () => serve(name), log));
    } catch (error) {
      const host = place.bind === "loopback" ? "127.0.0.1" : place.host;
      const { port } = place;
      throw explainListenError(error, { ...named[name], ...(flag && { flag }), host, port });
    }
  }

  #isRival(port: OpenPort | undefined, place: PortPlace | undefined): boolean {
    return port?.addresses.some((address) => address.port === place?.port) ?? false;
  }

  #wanted(name: Name, settings: Settings): PortPlace | undefined {
    return this.#deps.wanted(settings, name);
  }

  #real(settings: Settings): Settings {
    return this.#deps.real(settings, (name) => this.#open.get(name)?.addresses[0]?.port);
  }

  #retireAll(): void {
    for (const port of this.#open.values()) this.#retire(port);
    this.#open.clear();
  }

  #retire(port: OpenPort | undefined): void {
    if (port === undefined || this.#closing.has(port)) return;
    this.#closing.set(
      port,
      port.close().finally(() => this.#closing.delete(port)),
    );
  }
}

function isSame(one: PortPlace | undefined, other: PortPlace | undefined): boolean {
  return one?.bind === other?.bind && one?.port === other?.port && one?.host === other?.host;
}
