import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { startParts, type Logger, type Part } from "@tautline/daemon";
import { makeAgentId, TautlineError, toTautlineError, type LinkEvidence } from "@tautline/protocol";
import { ensurePrivateFolder, type Vault } from "@tautline/vault";
import { openAgentVault } from "./agent-vault.ts";
import { NO_MEMORY } from "./audit/head-memory.ts";
import type { Clock } from "./clock.ts";
import type { AgentConfig } from "./config.ts";
import { createAgentControl, type AgentControl } from "./control/agent-control.ts";
import type { HostFacts } from "./control/agent-report.ts";
import type { ControlStatus } from "./control/control-link.ts";
import { createCentralClock, type CentralClock } from "./control/central-clock.ts";
import { pinnedDial } from "./control/dial-central.ts";
import { chooseProxy, type ProxyChoice } from "./control/proxy-choice.ts";
import { createPeerOffers } from "./control/peer-offers.ts";
import { openTransportFor } from "./control/transports.ts";
import type { DataFolder } from "./data-folder.ts";
import { createAgentKeys } from "./enrolment/agent-keys.ts";
import { askCentral } from "./enrolment/ask-central.ts";
import type { GrantParts } from "./enrolment/grant-check.ts";
import { join } from "./enrolment/join.ts";
import { sayLeave } from "./enrolment/say-leave.ts";
import { takeFolderLock, type FolderLock } from "./folder-lock.ts";
import { openLocalAudit, type LocalAudit } from "./instructions/local-audit.ts";
import { createReportAllowance, type ReportAllowance } from "./report-allowance.ts";
import { logLevel } from "./log.ts";
import { createProblemList, type ProblemList } from "./problem-list.ts";
import { resource, type Resource } from "./resource.ts";
import type { CommittedState, JoiningState, JoinTicket } from "./settings/agent-state.ts";
import { splitState } from "./settings/settings-document.ts";
import { openSettingsStore, type SettingsStore } from "./settings/settings-store.ts";
import { describeStatus, type AgentStatus } from "./status/agent-status.ts";
import { openStatusSocket, type StatusSocket } from "./status/status-socket.ts";
import { wipeFolder } from "./wipe-folder.ts";

const NOT_CONNECTED: ControlStatus = {
  connected: false,
  evidence: undefined,
  lastAnswerAtMs: undefined,
  attempts: [],
};

/** The world around an agent; everything that is not its own comes in here. */
export interface AgentWorld {
  readonly folder: DataFolder;
  readonly config: AgentConfig;
  /** Texts of keys by name that came with an old settings file and stand in no file of their own. */
  readonly keyTexts?: ReadonlyMap<string, string>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Where central is asked first, before all that settings and instructions say; it must prove itself all the same. */
  readonly firstAddresses?: readonly string[];
  /** Uniform in [0, 1); spreads reconnects. */
  readonly random: () => number;
  readonly readVariable: (name: string) => string | undefined;
  readonly host: HostFacts;
  /** Told of problems instead of the log. */
  readonly onProblem?: (error: TautlineError) => void;
  /** Told once when central says that an operator decides about the join. */
  readonly onWaiting?: (agentId: string, code: string) => void;
  /** Told at each first answer of a link. */
  readonly onConnected: (agentId: string, address: string, evidence: LinkEvidence) => void;
  /** Told at each renewed identity once it is in use. */
  readonly onRenewed: (state: CommittedState) => void;
}

/** How an agent is to be joined. */
export interface JoinWish {
  /** The token given now, if one was. */
  readonly ticket: JoinTicket | undefined;
  readonly name: string;
  /** Rounds through central's addresses before it gives up. */
  readonly maxRounds: number;
  /** Where an operator decides: wait for it. */
  readonly mayWait: boolean;
}

/** An agent on its data folder, stopped. */
export interface Agent {
  /**
   * Joins, or finishes a join, and resolves when the identity is proven.
   *
   * @throws agent.approval_waiting where it may not wait, agent.*, link.*, vault.* codes; what was reached stays resumable
   */
  join(wish: JoinWish, signal: AbortSignal): Promise<CommittedState>;
  /**
   * Runs until the signal aborts: finishes a join left half done, then keeps the link to central.
   *
   * @throws agent.not_joined, agent.already_running, agent.*, vault.* codes
   */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Tells central that this agent leaves, and wipes its data folder once that is acknowledged.
   *
   * @returns the id of the agent that was
   * @throws agent.not_joined, agent.leave_unproven, agent.leave_unanswered, agent.wipe_failed, agent.already_running, vault.* codes
   */
  leave(signal: AbortSignal): Promise<string>;
  /** Wipes its data folder and tells nobody; works also where the vault cannot be opened. */
  wipe(): Promise<void>;
}

/**
 * Makes an agent; nothing is touched until it joins or runs.
 *
 * @param world everything around it
 */
export function createAgent(world: AgentWorld): Agent {
  return new FolderAgent(world);
}

class FolderAgent implements Agent {
  readonly #world: AgentWorld;
  readonly #problems: ProblemList;
  /** A hostile central must not be able to fill the host's log. */
  readonly #logAllowance: ReportAllowance;
  readonly #lock: Resource<FolderLock>;
  readonly #vault: Resource<Vault>;
  readonly #store: Resource<SettingsStore>;
  readonly #audit: Resource<LocalAudit>;
  readonly #socket: Resource<StatusSocket>;
  readonly #centralClock: CentralClock;
  readonly #offers = createPeerOffers();
  readonly #proxy: ProxyChoice;
  #control: AgentControl | undefined;

  constructor(world: AgentWorld) {
    const { folder, config, clock, readVariable } = world;
    this.#world = world;
    this.#problems = createProblemList(clock.now);
    this.#logAllowance = createReportAllowance(clock.now);
    this.#centralClock = createCentralClock(clock, (error) => this.#onProblem(error));
    this.#proxy = chooseProxy(config.central, readVariable);
    this.#lock = resource(
      "data folder",
      () => {
        ensurePrivateFolder(folder.path);
        return takeFolderLock(folder.lock, folder.path);
      },
      (lock) => lock.release(),
    );
    this.#vault = resource(
      "vault",
      () =>
        openAgentVault({ folder, config, readVariable, mayCreate: !existsSync(folder.settings) }),
      (vault) => vault.close(),
    );
    this.#store = resource("settings", () => openSettingsStore(folder.settings, this.#vault.value));
    this.#audit = resource(
      "local audit",
      () => openLocalAudit(folder.audit, clock.now),
      (audit) => audit.close(),
    );
    this.#socket = resource(
      "status socket",
      () => openStatusSocket(folder.socket, () => this.#status()),
      (socket) => socket.close(),
    );
  }

  /** The parts of an agent in the order they start; they stop in reverse. The link to central runs on top of them. */
  get #parts(): readonly Part[] {
    return [this.#lock, this.#vault, this.#store, this.#audit, this.#socket];
  }

  join(wish: JoinWish, signal: AbortSignal): Promise<CommittedState> {
    return this.#withParts(() => this.#finishJoin(wish, signal));
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#withParts(async () => {
      const { state } = this.#store.value;
      if (state === undefined) throw this.#notJoined();
      this.#world.log.info(
        { dataDir: this.#world.folder.path, id: state.agentId },
        "the agent starts",
      );
      if (state.state !== "committed" && !(await this.#resumeJoin(state.name, signal))) return;
      await this.#makeControl((...connected) => this.#onConnected(...connected)).run(signal);
      this.#world.log.info("the agent stops");
    });
  }

  leave(signal: AbortSignal): Promise<string> {
    const { folder, config, clock } = this.#world;
    return this.#withParts(async () => {
      const { state } = this.#store.value;
      if (state === undefined) throw this.#notJoined();
      await sayLeave(state, { config, clock, signal });
      // Nobody else may begin anew in the folder until it is empty.
      wipeFolder(folder);
      return state.agentId;
    });
  }

  async wipe(): Promise<void> {
    const running = await startParts([this.#lock], () => {});
    try {
      wipeFolder(this.#world.folder);
    } finally {
      await running.stop();
    }
  }

  /** Gives false if the agent was stopped before the join was finished; what was reached is kept. */
  async #resumeJoin(name: string, signal: AbortSignal): Promise<boolean> {
    try {
      const maxRounds = Number.POSITIVE_INFINITY;
      const wish = { ticket: undefined, name, maxRounds, mayWait: true };
      await this.#finishJoin(wish, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  async #withParts<Result>(use: () => Promise<Result>): Promise<Result> {
    const running = await startParts(this.#parts, (part, error) =>
      this.#world.log.error(
        { err: toTautlineError(error) },
        `the part '${part}' did not stop cleanly`,
      ),
    );
    try {
      const { finding } = this.#audit.value;
      if (finding !== undefined) this.#onProblem(finding);
      this.#applyLogLevel();
      return await use();
    } finally {
      await running.stop();
    }
  }

  #finishJoin(wish: JoinWish, signal: AbortSignal): Promise<CommittedState> {
    const { clock, random } = this.#world;
    return join({
      ...wish,
      store: this.#store.value,
      audit: this.#audit.value,
      makeId: () => makeAgentId(clock.now(), randomBytes(10)),
      makeKeys: createAgentKeys,
      ask: (address, state) => this.#ask(address, state, signal),
      control: (onConnected) => this.#makeControl(onConnected),
      clock,
      centralNow: this.#centralClock.now,
      random,
      signal,
      onProblem: (error) => this.#onProblem(error),
      onWaiting: (agentId, { code }) => this.#onWaiting(agentId, code),
    });
  }

  #ask(address: string, state: JoiningState, signal: AbortSignal): Promise<GrantParts> {
    const { config, clock, host } = this.#world;
    const { answerTimeout: answerTimeoutMs, transport } = config.central;
    return askCentral(address, state, {
      // Before the join central is proven by the token's pin alone.
      openTransport: this.#offers.over(openTransportFor(transport), "tls"),
      dial: pinnedDial(state.ticket, {
        timeoutMs: answerTimeoutMs,
        now: clock.now,
        proxyFor: this.#proxy.proxyFor,
      }),
      askTime: () => this.#centralClock.ask(),
      clock,
      answerTimeoutMs,
      host,
      signal,
    });
  }

  #makeControl(onConnected: AgentWorld["onConnected"]): AgentControl {
    const { config, clock, random, host } = this.#world;
    this.#control = createAgentControl({
      store: this.#store.value,
      audit: this.#audit.value,
      auditHead: this.#world.folder.auditHead,
      config,
      clock,
      centralClock: this.#centralClock,
      offers: this.#offers,
      proxy: this.#proxy,
      firstAddresses: this.#world.firstAddresses ?? [],
      random,
      host,
      onConnected,
      onRenewed: (state) => this.#onRenewed(state),
      onSettings: (state) => this.#onSettings(state),
      onMoved: ({ identity: { addresses } }) =>
        this.#world.log.info({ addresses }, "new addresses of central are in use"),
      onProblem: (error) => this.#onProblem(error),
    });
    return this.#control;
  }

  #status(): AgentStatus {
    const { state } = this.#store.value;
    if (state === undefined) throw this.#notJoined();
    const { open } = splitState(state);
    const asked = this.#world.config.central.addresses;
    const own = open.state === "joining" ? open.ticket.addresses : open.identity.addresses;
    return describeStatus(open, {
      control: this.#control?.status ?? NOT_CONNECTED,
      auditMemory: this.#control?.auditMemory ?? NO_MEMORY,
      vault: this.#vault.value.status(),
      problems: this.#problems.latest,
      addresses: asked.length > 0 ? asked : own,
      clockOffsetMs: this.#centralClock.offsetMs,
      offer: this.#offers.central,
      proxy: this.#proxy.shown,
    });
  }

  #applyLogLevel(): void {
    this.#world.log.level = logLevel(this.#world.config, this.#store.value.state);
  }

  #onConnected(...[agentId, address, evidence]: Parameters<AgentWorld["onConnected"]>): void {
    const { level, protocol, cipher, group } = evidence;
    this.#world.log.info(
      { address, linkLevel: level, protocol, cipher, group },
      "connected to central",
    );
    this.#world.onConnected(agentId, address, evidence);
  }

  #onWaiting(id: string, code: string): void {
    if (this.#world.onWaiting !== undefined) this.#world.onWaiting(id, code);
    else this.#world.log.warn({ id, code }, "an operator has to approve this agent");
  }

  #onRenewed(state: CommittedState): void {
    const { counter, renewAtMs } = state.renewal;
    const next = new Date(renewAtMs).toISOString();
    this.#world.log.info({ number: counter.toString(), next }, "the identity was renewed");
    this.#world.onRenewed(state);
  }

  #onSettings({ last }: CommittedState): void {
    const { epoch, seq, settings } = last;
    this.#applyLogLevel();
    this.#world.log.info({ epoch, seq: seq.toString(), settings }, "settings by instruction");
  }

  #onProblem(error: TautlineError): void {
    this.#problems.add(error);
    if (this.#world.onProblem !== undefined) {
      this.#world.onProblem(error);
      return;
    }
    const passedOver = this.#logAllowance.take();
    if (passedOver === undefined) return;
    this.#world.log.warn({ err: error, ...(passedOver > 0 && { passedOver }) }, error.message);
  }

  #notJoined(): TautlineError {
    return new TautlineError("agent.not_joined", { detail: { dataDir: this.#world.folder.path } });
  }
}
