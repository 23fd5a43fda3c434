import { CLAIM_LIMITS, type Claim, type FoundClaims } from "./claim.ts";

/** A message of which it cannot be known what it claims. */
export class UnreadableClaims extends Error {}

/** The attributes of one resource that say who it is (semantic conventions of OpenTelemetry, "service"). */
interface ResourceNames {
  readonly names: Set<string>;
  readonly namespaces: Set<string>;
}

/** So often one attribute may stand in one resource; readers differ in which of them counts. */
const MOST_COPIES = 4;

/** Gathers what a message claims, each claim once. */
export class ClaimCollector {
  readonly #claims = new Map<string, Claim>();
  #version: string | undefined;
  #resource: ResourceNames | undefined;

  /**
   * @param kind of the claim
   * @param text empty where nothing is claimed
   */
  add(kind: Claim["kind"], text: string): void {
    if (text === "") return;
    this.#claims.set(`${kind} ${text}`, { kind, text });
    if (this.#claims.size > CLAIM_LIMITS.claims) {
      throw new UnreadableClaims(`it claims more than ${CLAIM_LIMITS.claims} names`);
    }
  }

  /** Attributes that come now are of another resource. */
  beginResource(): void {
    this.#resource = { names: new Set(), namespaces: new Set() };
  }

  /**
   * @param key of an attribute of a resource, one of those that count
   * @param text its value; undefined where that is no text
   */
  attribute(key: string, text: string | undefined): void {
    if (key === VERSION) {
      this.#version ??= text;
      return;
    }
    if (text === undefined) throw new UnreadableClaims(`the value of ${key} is no text`);
    if (key === "service.instance.id") return this.add("instance", text);
    this.#resource ??= { names: new Set(), namespaces: new Set() };
    const { names, namespaces } = this.#resource;
    const set = key === "service.name" ? names : namespaces;
    set.add(text);
    if (set.size > MOST_COPIES) throw new UnreadableClaims(`it has ${key} several times`);
  }

  /** Every attribute of the resource has come: its name and its namespace are one claim. */
  endResource(): void {
    const { names, namespaces } = this.#resource ?? { names: [], namespaces: [] };
    const spaces = [...namespaces];
    for (const name of names) {
      for (const space of spaces.length === 0 ? [""] : spaces) {
        this.add("service", space === "" || name === "" ? name : `${space}/${name}`);
      }
    }
    this.#resource = undefined;
  }

  /** @returns what was gathered */
  found(): FoundClaims {
    return { claims: [...this.#claims.values()], version: this.#version };
  }
}

const VERSION = "telemetry.sdk.version";
const READ: ReadonlySet<string> = new Set([
  "service.name",
  "service.namespace",
  "service.instance.id",
  VERSION,
]);

/**
 * Tells whether an attribute of a resource counts.
 *
 * @param key of the attribute
 */
export function isReadAttribute(key: string): boolean {
  return READ.has(key);
}

/**
 * Runs a reader and turns what it cannot read into words.
 *
 * @param read fills the collector
 */
export function collectClaims(read: (collector: ClaimCollector) => void): FoundClaims {
  const collector = new ClaimCollector();
  try {
    read(collector);
    return collector.found();
  } catch (error) {
    if (!(error instanceof UnreadableClaims)) throw error;
    return { unreadable: error.message };
  }
}
