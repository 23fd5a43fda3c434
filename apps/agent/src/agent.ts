import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { startParts, type Part } from "@tautline/daemon";
import { type Level, makeAgentId, TautlineError, toTautlineError } from "@tautline/protocol";
import { ensurePrivateFolder, type Vault } from "@tautline/vault";
import { type AgentReach, createAgentReach, NO_REACH } from "./agent-reach.ts";
import { openAgentVault } from "./agent-vault.ts";
import type { AgentWorld, JoinWish } from "./agent-world.ts";
import { NO_MEMORY } from "./audit/head-memory.ts";
import { createAgentControl, type AgentControl } from "./control/agent-control.ts";
import { NOT_CONNECTED } from "./control/control-link.ts";
import { createCentralClock, type CentralClock } from "./control/central-clock.ts";
import { createKeyFile, type FoundKey } from "./control/key-file.ts";
import { chooseProxy, type ProxyChoice } from "./control/proxy-choice.ts";
import { createPeerOffers } from "./control/peer-offers.ts";
import { createAgentKeys } from "./enrolment/agent-keys.ts";
import { askByPin } from "./enrolment/ask-by-pin.ts";
import type { GrantParts } from "./enrolment/grant-check.ts";
import { join } from "./enrolment/join.ts";
import { sayLeave } from "./enrolment/say-leave.ts";
import { takeFolderLock, type FolderLock } from "./folder-lock.ts";
import { openLocalAudit, type LocalAudit } from "./instructions/local-audit.ts";
import { forgetLegacy, readLegacy } from "./legacy/legacy-file.ts";
import { joinedLevel, pastLevels, shownLevel } from "./level-rule.ts";
import { reportProblem } from "./problem-report.ts";
import { createReportAllowance, type ReportAllowance } from "./report-allowance.ts";
import { logLevel } from "./log.ts";
import { createProblemList, type ProblemList } from "./problem-list.ts";
import { resource, type Resource } from "./resource.ts";
import type { CommittedState, JoiningState } from "./settings/agent-state.ts";
import { splitState } from "./settings/settings-document.ts";
import { openSettingsStore, type SettingsStore } from "./settings/settings-store.ts";
import { describeStatus, type AgentStatus, usedAddresses } from "./status/agent-status.ts";
import { openStatusSocket, type StatusSocket } from "./status/status-socket.ts";
import { wipeFolder } from "./wipe-folder.ts";

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
  readonly #findKey: () => Promise<FoundKey>;
  #control: AgentControl | undefined;
  #reach: AgentReach | undefined;

  constructor(world: AgentWorld) {
    const { folder, config, clock, readVariable, keyTexts } = world;
    this.#world = world;
    this.#problems = createProblemList(clock.now);
    this.#logAllowance = createReportAllowance(clock.now);
    this.#centralClock = createCentralClock(clock, (error) => this.#onProblem(error));
    this.#proxy = chooseProxy(config.central, readVariable);
    this.#findKey = createKeyFile(config.central.key, (error) => this.#onProblem(error), keyTexts);
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
    return this.#withParts(() => {
      // No token is used for an agent that would then refuse to start.
      this.#level();
      return this.#finishJoin(wish, signal);
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#withParts(async () => {
      const { state } = this.#store.value;
      if (state === undefined) throw this.#notJoined();
      this.#level();
      const started = { dataDir: this.#world.folder.path, id: state.agentId };
      this.#world.log.info(started, "the agent starts");
      if (state.state !== "committed" && !(await this.#resumeJoin(state.name, signal))) return;
      // A crash may have come between the end of the join and this.
      forgetLegacy(this.#world.folder.legacy);
      const control = this.#makeControl((...connected) => this.#onConnected(...connected));
      await this.#makeReach(control, signal).during(() => control.run(signal));
      this.#world.log.info("the agent stops");
    });
  }

  leave(signal: AbortSignal): Promise<string> {
    const { folder, config, clock } = this.#world;
    return this.#withParts(async () => {
      const { state } = this.#store.value;
      if (state === undefined) throw this.#notJoined();
      const how = { level: this.#level(), findKey: this.#findKey, proxy: this.#proxy };
      await sayLeave(state, { config, clock, signal, ...how });
      // Nobody else may begin anew in the folder until it is empty.
      wipeFolder(folder, config.edge.store.folder);
      return state.agentId;
    });
  }

  async wipe(): Promise<void> {
    const running = await startParts([this.#lock], () => {});
    try {
      wipeFolder(this.#world.folder, this.#world.config.edge.store.folder);
    } finally {
      await running.stop();
    }
  }

  /** @throws agent.level_below_floor, agent.level_lowered */
  #level(): Level {
    const { floor, central } = this.#world.config;
    const { state } = this.#store.value;
    return joinedLevel({ asked: central.level, floor, ...pastLevels(state) });
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

  async #finishJoin(wish: JoinWish, signal: AbortSignal): Promise<CommittedState> {
    const { clock, random, folder } = this.#world;
    const state = await join({
      ...wish,
      store: this.#store.value,
      audit: this.#audit.value,
      // Central knows a host that ran without an identity by this id, and keeps its history under it.
      makeId: () => readLegacy(folder.legacy)?.id ?? makeAgentId(clock.now(), randomBytes(10)),
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
    forgetLegacy(folder.legacy);
    return state;
  }

  #ask(address: string, state: JoiningState, signal: AbortSignal): Promise<GrantParts> {
    const [world, offers, proxy] = [this.#world, this.#offers, this.#proxy];
    return askByPin(address, state, {
      world,
      offers,
      proxy,
      centralClock: this.#centralClock,
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
      level: () => this.#level(),
      findKey: this.#findKey,
      firstAddresses: this.#world.firstAddresses ?? [],
      random,
      host,
      onConnected,
      onRenewed: (state) => this.#onRenewed(state),
      edgeReport: () => this.#reach?.edgeReport(),
      onSettings: (state) => this.#onSettings(state),
      onMoved: ({ identity: { addresses } }) =>
        this.#world.log.info({ addresses }, "new addresses of central are in use"),
      onClimbed: (state) => this.#onClimbed(state),
      onProblem: (error) => this.#onProblem(error),
    });
    return this.#control;
  }

  #makeReach({ way }: AgentControl, signal: AbortSignal): AgentReach {
    const onProblem = (error: TautlineError): void => this.#onProblem(error);
    const around = { way, signal, onProblem, vault: this.#vault.value };
    this.#reach = createAgentReach(this.#world, around, this.#store.value);
    return this.#reach;
  }

  #status(): AgentStatus {
    const { state } = this.#store.value;
    if (state === undefined) throw this.#notJoined();
    const { open } = splitState(state);
    return describeStatus(open, {
      control: this.#control?.status ?? NOT_CONNECTED,
      keptCertificates: this.#control?.keptCertificates ?? [],
      auditMemory: this.#control?.auditMemory ?? NO_MEMORY,
      vault: this.#vault.value.status(),
      problems: this.#problems.latest,
      addresses: usedAddresses(open, this.#world.config.central.addresses),
      clockOffsetMs: this.#centralClock.offsetMs,
      offer: this.#offers.central,
      proxy: this.#proxy.shown,
      ...(this.#reach?.status ?? NO_REACH),
      ...shownLevel(this.#level(), this.#world.config.central.key),
    });
  }

  #applyLogLevel(): void {
    this.#world.log.level = logLevel(this.#world.config, this.#store.value.state);
  }

  #onConnected(...[agentId, address, evidence]: Parameters<AgentWorld["onConnected"]>): void {
    const { level, protocol, cipher, group } = evidence;
    const link = { address, linkLevel: level, protocol, cipher, group };
    this.#world.log.info(link, "connected to central");
    this.#reach?.start();
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
    this.#reach?.renew();
    this.#world.onRenewed(state);
  }

  /** Links of forwards are at the level they were dialled at; from now on it is another. */
  #onClimbed({ climbed }: CommittedState): void {
    this.#world.log.info(
      climbed,
      "central answered at a higher level, which is in use from now on",
    );
    this.#reach?.renew();
  }

  #onSettings({ last }: CommittedState): void {
    const { epoch, seq, settings } = last;
    this.#applyLogLevel();
    this.#reach?.setRemote(settings);
    this.#world.log.info({ epoch, seq: seq.toString(), settings }, "settings by instruction");
  }

  #onProblem(error: TautlineError): void {
    const { log, onProblem } = this.#world;
    const [problems, allowance] = [this.#problems, this.#logAllowance];
    reportProblem(error, { problems, allowance, log, onProblem });
  }

  #notJoined(): TautlineError {
    return new TautlineError("agent.not_joined", { detail: { dataDir: this.#world.folder.path } });
  }
}
