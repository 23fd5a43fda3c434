import type { Server } from "node:net";
import type { Logger } from "@tautline/daemon";
import type { HostPort } from "@tautline/link";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { explainListenError } from "./listen-error.ts";
import { type ListenerSettings, placeOf } from "./listener-settings.ts";
import { type OpenPort, openPort, type PortPlace } from "./open-port.ts";
import type { AgentsPortName } from "./secured-connection.ts";

/** The ports that agents dial, opened and moved while central runs. */
export interface ListenerPorts {
  /** What holds now: whoever judges a caller asks anew. */
  settings(): ListenerSettings;
  /** The addresses really taken; of a shared port both names have the same. */
  addressesOf(name: AgentsPortName): readonly HostPort[];
  /** @throws central.address_in_use, central.cannot_listen, and nothing listens then */
  open(): Promise<void>;
  /**
   * Goes over to other settings: what is new opens before what is old closes, except where both are one port. What cannot be
   * opened or kept leaves everything as it was.
   *
   * @param change tells from what holds when its turn has come what shall hold, and keeps that; called with the ports really taken
   * @throws central.address_in_use, central.cannot_listen, central.stopping, and what `change` throws
   */
  change(change: PortChange): Promise<void>;
  /** Listens no longer; resolves when every connection has ended. */
  close(): Promise<void>;
  /** Ends every connection there still is. */
  cut(): void;
}

/** A change of settings, in two steps. */
export interface PortChange {
  readonly next: (now: ListenerSettings) => ListenerSettings;
  readonly keep: (before: ListenerSettings, after: ListenerSettings) => Promise<void>;
}

/** What the ports need. */
export interface ListenerPortsDeps {
  readonly first: ListenerSettings;
  /** Addresses that public ports listen on. */
  readonly hosts: Readonly<Record<AgentsPortName, string>>;
  /** Gives a server for connections to a port, not listening yet. */
  readonly serve: (name: AgentsPortName) => Server;
  readonly log: Logger;
}

const NAMES = ["agents", "plaintext"] as const;

/**
 * Makes the ports, none of them open.
 *
 * @param deps what is set first, and what serves connections
 */
export function createListenerPorts(deps: ListenerPortsDeps): ListenerPorts {
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

class Ports {
  readonly #deps: ListenerPortsDeps;
  readonly #open = new Map<AgentsPortName, OpenPort>();
  /** No longer listening, but with connections. */
  readonly #closing = new Map<OpenPort, Promise<void>>();
  settings: ListenerSettings;

  constructor(deps: ListenerPortsDeps) {
    this.#deps = deps;
    this.settings = deps.first;
  }

  addressesOf(name: AgentsPortName): readonly HostPort[] {
    const { isShared } = this.settings;
    return this.#open.get(isShared ? "agents" : name)?.addresses ?? [];
  }

  async open(): Promise<void> {
    try {
      for (const name of NAMES) await this.#openAt(name, this.#wanted(name, this.settings));
      this.settings = this.#real(this.settings);
    } catch (error) {
      this.#retireAll();
      this.cut();
      throw error;
    }
  }

  async change({ next, keep }: PortChange): Promise<void> {
    const before = this.settings;
    const asked = next(before);
    const old = new Map(this.#open);
    const moving = NAMES.filter(
      (name) => !isSame(this.#wanted(name, before), this.#wanted(name, asked)),
    );
    const inTheWay: AgentsPortName[] = [];
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

  async #goBack(
    old: ReadonlyMap<AgentsPortName, OpenPort>,
    inTheWay: readonly AgentsPortName[],
  ): Promise<void> {
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

  async #openAt(
    name: AgentsPortName,
    place: PortPlace | undefined,
    flag?: "--port",
  ): Promise<void> {
    if (place === undefined) return;
    const { serve, log } = this.#deps;
    try {
      this.#open.set(name, await openPort(place, () => serve(name), log));
    } catch (error) {
      const host = place.bind === "loopback" ? "127.0.0.1" : place.host;
      const { port } = place;
      throw explainListenError(error, { ...NAMED[name], ...(flag && { flag }), host, port });
    }
  }

  #isRival(port: OpenPort | undefined, place: PortPlace | undefined): boolean {
    return port?.addresses.some((address) => address.port === place?.port) ?? false;
  }

  /** Undefined where nothing is to listen under that name. */
  #wanted(name: AgentsPortName, settings: ListenerSettings): PortPlace | undefined {
    if (name === "plaintext" && settings.isShared) return undefined;
    const { bind, port } = placeOf(settings, name);
    return bind === "off" ? undefined : { bind, port, host: this.#deps.hosts[name] };
  }

  /** A port that was any free one is that one from now on. */
  #real(settings: ListenerSettings): ListenerSettings {
    const portOf = (name: AgentsPortName): number =>
      this.#open.get(name)?.addresses[0]?.port ?? settings[name].port;
    return {
      ...settings,
      agents: { ...settings.agents, port: portOf("agents") },
      plaintext: { ...settings.plaintext, port: portOf("plaintext") },
    };
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

const NAMED = {
  agents: { listener: "agents'", flag: "--agents-port" },
  plaintext: { listener: "plaintext", flag: "--plaintext-port" },
} as const;

function isSame(one: PortPlace | undefined, other: PortPlace | undefined): boolean {
  return one?.bind === other?.bind && one?.port === other?.port && one?.host === other?.host;
}
