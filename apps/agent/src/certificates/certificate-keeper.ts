import type { X509Certificate } from "node:crypto";
import {
  certificatesFromPem,
  createCsr,
  createKeyPair,
  exportPrivateKey,
  importPrivateKey,
  serialOf,
} from "@tautline/pki";
import {
  CAPABILITY_CERTIFICATE,
  type CustomMessage,
  customMessage,
  decodeFileCertificateAnswer,
  encodeFileCertificateRequest,
  type FileCertificateAnswer,
  planRenewal,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import { retryWait } from "../enrolment/renewal-retry.ts";
import type { LocalAudit } from "../instructions/local-audit.ts";
import type { CertificateSettings } from "./certificate-settings.ts";
import { checkPair, readKept, reasonOf, writeKept } from "./kept-files.ts";
import { runReload } from "./reload-command.ts";

/** The longest sleep: a host that was suspended, or whose clock was set, looks again soon. */
const LONGEST_SLEEP_MS = 60_000;

/** One certificate as `agent status` shows it. */
export interface CertificateStatus {
  readonly name: string;
  readonly folder: string;
  readonly names: readonly string[];
  readonly use: CertificateSettings["use"];
  /** Null until there is one. */
  readonly serial: string | null;
  readonly notAfter: string | null;
  /** When the next one is asked for; RFC 3339 in UTC. */
  readonly nextAt: string;
  /** Why there is none, or no newer one, or why its program did not take it; null where all is well. */
  readonly problem: { readonly code: string; readonly text: string } | null;
}

/** What keeping certificates needs of the agent around it. */
export interface CertificateKeeperOptions {
  readonly certificates: Readonly<Record<string, CertificateSettings>>;
  readonly audit: LocalAudit;
  /** Plans: central's time as far as it is known. */
  readonly clock: Clock;
  /** Judges certificates: this host's own time, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly hostNow: () => number;
  readonly random: () => number;
  /** The roots pinned at the join, in PEM. */
  readonly rootsPem: () => string;
  /** Sends a message over the link that stands, as soon as there is one. */
  readonly say: (message: CustomMessage) => void;
  readonly onProblem: (error: TautlineError) => void;
}

/** Keeps certificates as files for this host's other programs, and renews them at half of their life. */
export interface CertificateKeeper {
  /** Central has answered: what is due is asked for, from now on by the clock too. */
  start(): void;
  stop(): void;
  /** Takes central's answer: an encoded FileCertificateAnswer. */
  receive(data: Uint8Array): void;
  readonly status: readonly CertificateStatus[];
}

/**
 * Makes the keeper of the certificates of agent.yaml.
 *
 * @param options the agent around it
 */
export function createCertificateKeeper(options: CertificateKeeperOptions): CertificateKeeper {
  return new Keeper(options);
}

class Keeper implements CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #kept: ReadonlyMap<string, Kept>;
  readonly #stopping = new AbortController();
  #isRunning = false;
  #callOff = (): void => {};

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    const { signal } = this.#stopping;
    this.#kept = new Map(
      Object.entries(options.certificates).map(([name, settings]) => [
        name,
        new Kept(name, settings, { ...options, signal }),
      ]),
    );
  }

  get status(): readonly CertificateStatus[] {
    return [...this.#kept.values()].map((each) => each.status);
  }

  start(): void {
    if (this.#stopping.signal.aborted || this.#isRunning || this.#kept.size === 0) return;
    this.#isRunning = true;
    for (const each of this.#kept.values()) each.open();
    this.#look();
  }

  stop(): void {
    this.#isRunning = false;
    this.#callOff();
    this.#stopping.abort();
  }

  receive(data: Uint8Array): void {
    try {
      const answer = decodeFileCertificateAnswer(data);
      const kept = this.#kept.get(answer.label);
      if (kept?.receive(answer) !== true) throw unfit(answer.label, "it was not asked for");
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
    }
    if (this.#isRunning) this.#sleep();
  }

  #look(): void {
    for (const each of this.#kept.values()) each.askIfDue();
    this.#sleep();
  }

  #sleep(): void {
    this.#callOff();
    const { clock } = this.#options;
    const dueMs = Math.min(...[...this.#kept.values()].map((each) => each.dueMs));
    const delayMs = Math.min(LONGEST_SLEEP_MS, Math.max(0, dueMs - clock.now()));
    this.#callOff = clock.after(delayMs, () => this.#look());
  }
}

/** One certificate: what is there, and what is asked for. */
class Kept {
  readonly #name: string;
  readonly #settings: CertificateSettings;
  readonly #options: CertificateKeeperOptions & { readonly signal: AbortSignal };
  #leaf: X509Certificate | undefined;
  #renewAtMs = 0;
  #notBeforeMs = 0;
  #tries = 0;
  /** The key that a certificate is asked for; asked again, it is the same one (F3). */
  #asked: string | undefined;
  #problem: TautlineError | undefined;
  #reloading: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    settings: CertificateSettings,
    options: CertificateKeeperOptions & { readonly signal: AbortSignal },
  ) {
    this.#name = name;
    this.#settings = settings;
    this.#options = options;
  }

  get dueMs(): number {
    return Math.max(this.#renewAtMs, this.#notBeforeMs);
  }

  get status(): CertificateStatus {
    const { folder, names, use } = this.#settings;
    const problem = this.#problem;
    return {
      name: this.#name,
      folder,
      names,
      use,
      serial: this.#leaf === undefined ? null : serialOf(this.#leaf),
      notAfter: this.#leaf === undefined ? null : this.#leaf.validToDate.toISOString(),
      nextAt: new Date(this.dueMs).toISOString(),
      problem: problem === undefined ? null : { code: problem.code, text: problem.message },
    };
  }

  /** Takes what the folder has from an earlier run. */
  open(): void {
    const roots = certificatesFromPem(this.#options.rootsPem());
    const leaf = readKept(this.#settings, { roots, nowMs: this.#options.hostNow() });
    if (leaf !== undefined) this.#take(leaf, leaf.validFromDate.getTime());
  }

  askIfDue(): void {
    const { clock, random, say } = this.#options;
    if (clock.now() < this.dueMs) return;
    if (this.#tries > 1 && this.#problem === undefined) this.#note(unfit(this.#name, SILENT));
    this.#asked ??= exportPrivateKey(createKeyPair("p256").privateKey);
    const { names, use } = this.#settings;
    const csrPem = createCsr(importPrivateKey(this.#asked));
    const data = encodeFileCertificateRequest({ label: this.#name, names, use, csrPem });
    this.#tries += 1;
    const leftMs = (this.#leaf?.validToDate.getTime() ?? 0) - clock.now();
    this.#notBeforeMs = clock.now() + retryWait({ tries: this.#tries, leftMs }, random);
    say(customMessage(CAPABILITY_CERTIFICATE, "request", data));
  }

  /** Gives false for what was not asked for. */
  receive(answer: FileCertificateAnswer): boolean {
    const keyPem = this.#asked;
    if (keyPem === undefined) return false;
    const { code, text, chainPem } = answer;
    const name = this.#name;
    if (code !== "") {
      this.#note(new TautlineError("agent.certificate_refused", { detail: { name, code, text } }));
      return true;
    }
    try {
      this.#install(chainPem, keyPem);
    } catch (error) {
      this.#note(toTautlineError(error));
    }
    return true;
  }

  /** Checked, audited, written, and only then in use. */
  #install(chainPem: string, keyPem: string): void {
    const { hostNow, audit, rootsPem, clock } = this.#options;
    const pair = { chainPem, keyPem };
    const leaf = this.#check(pair, hostNow());
    const { names, use, folder } = this.#settings;
    const serial = serialOf(leaf);
    const detail = { name: this.#name, serial, names: names.join(", "), use, folder };
    audit.append("certificate.kept", detail);
    writeKept(this.#settings, pair, rootsPem());
    this.#take(leaf, clock.now());
    this.#asked = undefined;
    this.#problem = undefined;
    this.#reload();
  }

  #check(pair: Parameters<typeof checkPair>[0], nowMs: number): X509Certificate {
    const roots = certificatesFromPem(this.#options.rootsPem());
    try {
      return checkPair(pair, { settings: this.#settings, roots, nowMs });
    } catch (cause) {
      // The key has been of no use: the next request is with another one.
      this.#asked = undefined;
      throw unfit(this.#name, reasonOf(cause), cause);
    }
  }

  #take(leaf: X509Certificate, grantedMs: number): void {
    const endsMs = leaf.validToDate.getTime();
    this.#leaf = leaf;
    this.#renewAtMs = planRenewal({ grantedMs, endsMs }, this.#options.random);
    this.#notBeforeMs = 0;
    this.#tries = 0;
  }

  /** One after the other; a failure is told and changes nothing. */
  #reload(): void {
    const { reload } = this.#settings;
    if (reload !== undefined) this.#reloading = this.#reloadAfter(this.#reloading, reload);
  }

  async #reloadAfter(before: Promise<void>, command: readonly string[]): Promise<void> {
    const { signal } = this.#options;
    await before;
    if (signal.aborted) return;
    const failure = await runReload(this.#name, command, signal);
    if (failure !== undefined && !signal.aborted) this.#note(failure);
  }

  /** Said again each time it happens anew, and kept for `agent status`. */
  #note(problem: TautlineError): void {
    const { audit, onProblem } = this.#options;
    const isNew = this.#problem?.code !== problem.code || this.#problem.message !== problem.message;
    this.#problem = problem;
    if (!isNew) return;
    const { code, message: text } = problem;
    audit.append("certificate.failed", { name: this.#name, code, text });
    onProblem(problem);
  }
}

const SILENT = "there was no answer, as from a central of an older version";

function unfit(name: string, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("agent.certificate_unfit", { cause, detail: { name, reason } });
}
