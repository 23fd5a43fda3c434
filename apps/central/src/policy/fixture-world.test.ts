/* Equipment: a fleet on a real database, with changes of policy that can be killed at any effect. No tests of its own. */
import { createLog } from "@tautline/daemon";
import type { Level } from "@tautline/protocol";
import { type Core, joinNew, mutualEvidence, withCore } from "../fixture-core.test.ts";
import { createStreamTable } from "../forwards/stream-table.ts";
import { changeSettings, type ListenerSettings } from "../listeners/listener-settings.ts";
import type { ApplyOrder } from "./begin-change.ts";
import { isOver, type PolicyChange } from "./change.ts";
import type { ChangeDeps, OrderStatus } from "./change-deps.ts";
import { createPolicyChanges, type PolicyChanges } from "./change-engine.ts";
import { namespacesOf, policiesForChanges } from "./change-parts.ts";
import { MTLS } from "./fixture-change.test.ts";
import { heardOf, stepsTo } from "./heard-rule.ts";
import { readLinked } from "./linked-agents.ts";
import { openPolicies, type Policies } from "./policies.ts";
import { readPlan } from "./plan-reading.ts";

/** The window of these tests. */
export const WINDOW_MS = 18_000;
const TURN_MS = 1_000;
const REMOTE = "192.0.2.7";

const SETTINGS: ListenerSettings = {
  agents: { bind: "public", port: 9150, levels: ["basic", "tls", "mtls"] },
  plaintext: { bind: "public", port: 8787 },
  isShared: false,
};

/** What `apply` is asked where nothing else is said. */
export const ORDER: ApplyOrder = {
  namespace: "default",
  kinds: ["control", "forward"],
  policy: MTLS,
  windowMs: WINDOW_MS,
  undoIf: 50,
  mayUndo: true,
  actor: "operator:ana",
  allowCutOff: [],
  allowUnknown: false,
  sinceMs: 0,
};

/** Central was killed here: whatever runs must not go on. */
export class Killed extends Error {}

/** A fleet, what it is told, and the engine under test. */
export class World {
  readonly core: Core;
  policies: Policies;
  changes: PolicyChanges;
  settings: ListenerSettings = SETTINGS;
  /** What cannot be listened to now. */
  isPortTaken = false;
  /** Orders to climb, by agent. */
  readonly orders = new Map<string, OrderStatus>();
  /** Effects outside of this process's memory so far: each is a moment to be killed at. */
  effects = 0;
  killAt: number | undefined;
  readonly #lines: unknown[] = [];
  #links = 0;

  constructor(core: Core, policies: Policies) {
    this.core = core;
    this.policies = policies;
    this.changes = createPolicyChanges(this.#deps());
  }

  /** What was logged as an error: its code. */
  get errors(): readonly unknown[] {
    return this.#lines;
  }

  /** An agent with an identity that carries out orders to climb, linked at a level. */
  async agent(level: Level, namespace = "default"): Promise<string> {
    const { id } = await joinNew(this.core, { namespace });
    await this.core.agents.activate(id);
    const attributes = JSON.stringify({ "tautline.instructions": "addresses,level,settings" });
    await this.set(id, { attributes });
    await this.link(id, level);
    return id;
  }

  /** Somebody without an identity, linked at a level. */
  async claim(level: Level): Promise<string> {
    const id = await this.agent(level);
    await this.set(id, { state: "unproven" });
    return id;
  }

  set(
    id: string,
    values: { state?: "unproven" | "revoked" | "active"; attributes?: string },
  ): Promise<unknown> {
    return this.core.store.write((trx) =>
      trx.updateTable("agents").set(values).where("id", "=", id).execute(),
    );
  }

  async link(id: string, level: Level, remoteAddress = REMOTE): Promise<void> {
    await this.unlink(id);
    const since = new Date(this.core.clock.now()).toISOString();
    const isTls = level === "tls" || level === "mtls";
    const proven = mutualEvidence(`spiffe://default.fleet.test/agent/${id}`, "0a");
    const evidence = { ...proven, level, since, pq: isTls, group: isTls ? proven.group : null };
    this.core.history.recorder.opened({ agentId: id, remoteAddress, evidence });
    this.#links += 1;
    const linkId = `${id}/${this.#links}`;
    const row = { id: linkId, agentId: id, remoteAddress, evidence };
    await this.core.links.open({ ...row, transport: "websocket" });
  }

  async unlink(id: string): Promise<void> {
    await this.core.store.write((trx) =>
      trx.deleteFrom("links").where("agent_id", "=", id).execute(),
    );
  }

  /** It has done what it was told. */
  async climb(id: string): Promise<void> {
    const order = this.orders.get(id);
    if (order === undefined) throw new Error(`${id} was told nothing`);
    await this.link(id, order.level);
    this.orders.set(id, { ...order, status: "applied" });
  }

  /** Some of central's time passes, turn by turn. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += TURN_MS) {
      this.core.clock.advance(TURN_MS);
      await this.changes.step();
    }
  }

  /** The newest change. */
  async change(): Promise<PolicyChange> {
    const [newest] = await this.changes.list(1);
    if (newest === undefined) throw new Error("there was no change");
    return newest.change;
  }

  /** Lets time pass until the newest change is over. */
  async end(each: () => Promise<void> = async () => {}): Promise<PolicyChange> {
    for (let turns = 0; turns < 1_000; turns += 1) {
      const change = await this.change();
      if (isOver(change.step) && change.isSettled) return change;
      await each();
      await this.pass(TURN_MS);
    }
    throw new Error("a change that does not end");
  }

  /** Central is killed and comes back: links are gone, memory is, what was set is not. */
  async restart(): Promise<void> {
    this.killAt = undefined;
    await this.core.store.write((trx) => trx.deleteFrom("links").execute());
    this.policies = await openPoliciesOf(this.core);
    this.changes = createPolicyChanges(this.#deps());
  }

  #effect(): void {
    this.effects += 1;
    if (this.killAt !== undefined && this.effects >= this.killAt) throw new Killed();
  }

  #deps(): ChangeDeps {
    const { core } = this;
    const { store, audit, history, clock } = core;
    const { now } = clock;
    const planned = { store, history, streams: createStreamTable(), now };
    return {
      store: {
        ...store,
        write: async (work) => {
          this.#effect();
          const result = await store.write(work);
          this.#effect();
          return result;
        },
      },
      audit,
      now,
      log: createLog("central", "error", { write: (line: string) => this.#note(line) }),
      plan: (wanted, sinceMs = 0) => readPlan(planned, wanted, { sinceMs }),
      orders: {
        order: async (ids, level) => {
          this.#effect();
          for (const id of ids) {
            const known = this.orders.get(id);
            if (known?.level === level && known.status !== "failed") continue;
            this.orders.set(id, { level, status: "offered", error: "" });
          }
          this.#effect();
        },
        withdraw: async (ids) => {
          for (const id of ids) this.orders.delete(id);
        },
        statusOf: async () => this.orders,
      },
      policies: policiesForChanges(this.policies),
      listeners: {
        heard: () => heardOf(this.settings),
        go: async (then) => {
          for (const { name, change } of stepsTo(heardOf(this.settings), then)) {
            this.#effect();
            if (this.isPortTaken) throw new Error("the port is taken");
            this.settings = changeSettings(this.settings, name, change);
            this.#effect();
          }
        },
      },
      linked: () => readLinked(store),
      namespaces: () => namespacesOf(store),
    };
  }

  #note(line: string): void {
    const { code, msg } = JSON.parse(line) as { code?: string; msg?: string };
    this.#lines.push(code ?? msg);
  }
}

function openPoliciesOf({ store, audit, metrics }: Core): Promise<Policies> {
  const log = createLog("central", "error", { write: () => {} });
  return openPolicies({ store, audit, metrics, log });
}

/** Gives `use` a world with no agent in it. */
export function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  return withCore(async (core) => use(new World(core, await openPoliciesOf(core))));
}
