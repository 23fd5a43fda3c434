import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { certificatesFromPem, importPrivateKey } from "@tautline/pki";
import { agentIdToBytes, isAgentId, isLevel, TautlineError } from "@tautline/protocol";
import type { SavedLevel } from "./level-keeper.ts";
import type { SimulatedIdentity } from "./simulated-identity.ts";

/** What a later run needs to be the same agent. */
export interface SavedAgent {
  readonly identity: SimulatedIdentity;
  /** Newest number ever asked for. */
  readonly newestCounter: bigint;
  /** Of its last message. */
  readonly sequence: number;
  readonly level: SavedLevel;
}

const FILE = "agents.json";
const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

/**
 * Takes the agents of an earlier run out of a folder. The file is gone afterwards: were this run killed, a later one would
 * come with identities that are no longer the newest, and be taken for clones.
 *
 * @param folder made where it does not exist
 * @returns none where no run has ended
 * @throws swarm.state_failed
 */
export function takeState(folder: string): SavedAgent[] {
  const file = join(folder, FILE);
  return attempt(file, () => {
    mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER });
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
    const saved = (JSON.parse(text) as readonly Written[]).map(read);
    rmSync(file);
    return saved;
  });
}

/**
 * Writes the agents of a run that has ended, keys and all: mode 0600.
 *
 * @param folder as for `takeState`
 * @param agents what to write
 * @throws swarm.state_failed
 */
export function saveState(folder: string, agents: readonly SavedAgent[]): void {
  const file = join(folder, FILE);
  attempt(file, () => {
    const temporary = `${file}.new`;
    const descriptor = openSync(temporary, "w", PRIVATE_FILE);
    try {
      chmodSync(temporary, PRIVATE_FILE);
      writeFileSync(descriptor, JSON.stringify(agents.map(write)));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  });
}

type Written = ReturnType<typeof write>;

function write({ identity, newestCounter, sequence, level }: SavedAgent) {
  const { roots, uid: _uid, offerHash, counter, ...rest } = identity;
  return {
    ...rest,
    rootsPem: roots.map((root) => root.toString()).join(""),
    offerHash: Buffer.from(offerHash).toString("hex"),
    counter: String(counter),
    newestCounter: String(newestCounter),
    sequence,
    level: { ...level, seq: String(level.seq) },
  };
}

function read({ newestCounter, sequence, level, rootsPem, ...rest }: Written): SavedAgent {
  if (!isLevel(level.inUse)) throw new Error("a level is none");
  if (!isAgentId(rest.id)) throw new Error("an id is none");
  importPrivateKey(rest.keyPem);
  const identity = {
    ...rest,
    roots: certificatesFromPem(rootsPem),
    uid: agentIdToBytes(rest.id),
    offerHash: Buffer.from(rest.offerHash, "hex"),
    counter: BigInt(rest.counter),
  };
  const known = { ...level, seq: BigInt(level.seq) };
  return { identity, newestCounter: BigInt(newestCounter), sequence, level: known };
}

function attempt<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "its content is not that of a run";
    throw new TautlineError("swarm.state_failed", { cause, detail: { file, reason } });
  }
}
