import { randomBytes } from "node:crypto";
import { startParts, type Part } from "@tautline/daemon";
import {
  makeAgentId,
  TautlineError,
  toBase64Url,
  toTautlineError,
  type LinkEvidence,
  type PromotionOffer,
} from "@tautline/protocol";
import { ensurePrivateFolder } from "@tautline/vault";
import type { AgentWorld } from "../agent-world.ts";
import { createCentralClock, type CentralClock } from "../control/central-clock.ts";
import type { ControlLink } from "../control/control-link.ts";
import { createKeyFile } from "../control/key-file.ts";
import { createPeerOffers } from "../control/peer-offers.ts";
import { chooseProxy, type ProxyChoice } from "../control/proxy-choice.ts";
import { takeFolderLock, type FolderLock } from "../folder-lock.ts";
import { higherLevel, legacyLevel, provenLevel } from "../level-rule.ts";
import { createProblemList, type ProblemList } from "../problem-list.ts";
import { reportProblem } from "../problem-report.ts";
import { createReportAllowance, type ReportAllowance } from "../report-allowance.ts";
import { resource, type Resource } from "../resource.ts";
import { readOpenSettings } from "../settings/settings-file.ts";
import type { AgentStatus } from "../status/agent-status.ts";
import { openStatusSocket, type StatusSocket } from "../status/status-socket.ts";
import { followTlsFiles, type TlsFiles } from "../tls-files/tls-files.ts";
import { createLegacyControl } from "./legacy-control.ts";
import { readLegacy, writeLegacy, type LegacyState } from "./legacy-file.ts";
import { describeLegacy } from "./legacy-status.ts";
import type { LegacyWish } from "./legacy-wish.ts";

/** What is said to people when central offers an identity. */
export const OFFER_SENTENCE =
  "central offers this agent an identity: ask for a join token and run 'tautline agent join'";

/** The world around an agent without an identity. */
export type LegacyWorld = Omit<AgentWorld, "firstAddresses" | "onRenewed" | "onWaiting"> & {
  /** Files of an existing PKI, where levels tls and mtls dial by them. */
  readonly files?: TlsFiles | undefined;
};

/**
 * Runs an agent that has no identity until the signal aborts: it is seen and counted at central, and takes nothing from there.
 *
 * @param wish where to dial, and at which level
 * @param world everything around it
 * @param signal aborts to say goodbye and stop
 * @throws agent.legacy_joined, agent.legacy_damaged, agent.level_below_floor, agent.level_lowered, agent.already_running, vault.* codes
 */
export function runLegacyAgent(
  wish: LegacyWish,
  world: LegacyWorld,
  signal: AbortSignal,
): Promise<void> {
  return new LegacyAgent(wish, world).run(signal);
}

class LegacyAgent {
  readonly #wish: LegacyWish;
  readonly #world: LegacyWorld;
  readonly #problems: ProblemList;
  /** A hostile central must not be able to fill the host's log. */
  readonly #logAllowance: ReportAllowance;
  readonly #centralClock: CentralClock;
  readonly #offers = createPeerOffers();
  readonly #proxy: ProxyChoice;
  readonly #lock: Resource<FolderLock>;
  readonly #state: Resource<{ now: LegacyState }>;
  readonly #socket: Resource<StatusSocket>;
  #control: ControlLink | undefined;

  constructor(wish: LegacyWish, world: LegacyWorld) {
    const { folder, config, clock, readVariable } = world;
    this.#wish = wish;
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
    this.#state = resource("state", () => ({ now: this.#openState() }));
    this.#socket = resource(
      "status socket",
      () => openStatusSocket(folder.socket, () => this.#status()),
      (socket) => socket.close(),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const { log, folder, config } = this.#world;
    const parts: readonly Part[] = [this.#lock, this.#state, this.#socket];
    const running = await startParts(parts, (part, error) =>
      log.error({ err: toTautlineError(error) }, `the part '${part}' did not stop cleanly`),
    );
    try {
      const { id } = this.#state.value.now;
      const { level } = this.#wish;
      log.info(
        { dataDir: folder.path, id, linkLevel: level },
        "the agent starts, without an identity",
      );
      if (Object.keys({ ...config.forwards, ...config.services }).length > 0) {
        this.#onProblem(new TautlineError("agent.forward_unjoined"));
      }
      if (config.edge.listen !== undefined) {
        this.#onProblem(new TautlineError("agent.edge_unjoined"));
      }
      const control = this.#makeControl(id);
      this.#control = control;
      const files = this.#followFiles(control, signal);
      await control.run(signal);
      await files;
      log.info("the agent stops");
    } finally {
      await running.stop();
    }
  }

  /** The level is judged before anything is dialled; an id that is new is on the disk before anybody hears it. */
  #openState(): LegacyState {
    const { folder, clock, config } = this.#world;
    const joined = readOpenSettings(folder.settings);
    if (joined !== undefined) {
      const detail = { dataDir: folder.path, id: joined.agentId };
      throw new TautlineError("agent.legacy_joined", { detail });
    }
    const kept = readLegacy(folder.legacy);
    legacyLevel({ asked: this.#wish.level, floor: config.floor, proven: kept?.provenLevel });
    if (kept !== undefined) return kept;
    const made = { id: makeAgentId(clock.now(), randomBytes(10)) };
    writeLegacy(folder.legacy, made);
    return made;
  }

  #makeControl(id: string): ControlLink {
    const { config, clock, random, host, keyTexts } = this.#world;
    return createLegacyControl({
      id,
      wish: this.#wish,
      config,
      clock,
      centralClock: this.#centralClock,
      offers: this.#offers,
      proxy: this.#proxy,
      files: this.#world.files,
      findKey: createKeyFile(this.#wish.key, (error) => this.#onProblem(error), keyTexts),
      random,
      host,
      onAnswered: (address, evidence) => this.#onAnswered(id, address, evidence),
      onOffer: (offer) => this.#onOffer(offer),
      onProblem: (error) => this.#onProblem(error),
    });
  }

  /** New files are in use within 10 s, also for a link that stands (SW-11). */
  async #followFiles(control: ControlLink, signal: AbortSignal): Promise<void> {
    const { files, clock } = this.#world;
    if (files === undefined) return;
    const refused = (error: TautlineError): void => this.#onProblem(error);
    await followTlsFiles(files, { clock, taken: () => control.moveOver(), refused }, signal);
  }

  #keep(change: Partial<LegacyState>): void {
    const next = { ...this.#state.value.now, ...change };
    writeLegacy(this.#world.folder.legacy, next);
    this.#state.value.now = next;
  }

  #onAnswered(id: string, address: string, evidence: LinkEvidence): void {
    const higher = higherLevel(this.#state.value.now.provenLevel, provenLevel(evidence));
    if (higher !== undefined) this.#keep({ provenLevel: higher });
    const { level, protocol, cipher, group } = evidence;
    const link = { address, linkLevel: level, protocol, cipher, group };
    this.#world.log.info(link, "connected to central, without an identity");
    this.#world.onConnected(id, address, evidence);
  }

  /** Whoever speaks here has not proven to be central: it is told to people, and followed by nobody without a token. */
  #onOffer({ addresses, pins, trustDomain }: PromotionOffer): void {
    const { offer: before } = this.#state.value.now;
    const offer = { addresses: [...addresses], pins: pins.map(toBase64Url), trustDomain };
    const { at = "", ...known } = before ?? {};
    if (at !== "" && JSON.stringify(known) === JSON.stringify(offer)) return;
    if (this.#logAllowance.take() === undefined) return;
    this.#keep({ offer: { ...offer, at: new Date(this.#world.clock.now()).toISOString() } });
    this.#world.log.warn(offer, OFFER_SENTENCE);
  }

  #status(): AgentStatus {
    return describeLegacy(this.#state.value.now, {
      wish: this.#wish,
      control: this.#control?.status,
      problems: this.#problems.latest,
      clockOffsetMs: this.#centralClock.offsetMs,
      offer: this.#offers.central,
      proxy: this.#proxy.shown,
    });
  }

  #onProblem(error: TautlineError): void {
    const { log, onProblem } = this.#world;
    const [problems, allowance] = [this.#problems, this.#logAllowance];
    reportProblem(error, { problems, allowance, log, onProblem });
  }
}
