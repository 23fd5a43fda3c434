import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Level } from "@tautline/protocol";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import { joinPolicyHost, type PolicyScene } from "../test/integration/policy-scene.ts";

/** What a member of the drill's fleet is: joined at a level, or one of the four kinds that nothing from central takes up. */
export type MemberKind = Level | "unproven" | "keyed" | "deaf" | "firmware";

/** An agent of the drill, as a process of its own. */
export interface Member {
  readonly name: string;
  readonly kind: MemberKind;
  readonly level: Level;
  readonly isStraggler: boolean;
  /** Stopped before the policy is planned, and started again after it is enforced. */
  readonly isOffline: boolean;
  readonly run: () => LaunchedProcess;
}

const LEVELS = ["plaintext", "basic", "advanced", "tls", "mtls"] as const;
const STRAGGLERS = ["unproven", "keyed", "deaf", "firmware"] as const;
/** Joining and starting are bound by the processor; more at once only waits. */
const AT_ONCE = 4;

/** A member before it exists. */
type Wanted = Pick<Member, "name" | "kind" | "isOffline">;

/**
 * Says who is in a fleet: the five levels in equal parts, a tenth stragglers (each kind at least once), three of a hundred offline.
 *
 * @param size agents, 20 or more
 */
export function fleetOf(size: number): readonly Wanted[] {
  const stragglers = Math.max(STRAGGLERS.length, Math.round(size / 10));
  const offline = Math.max(1, Math.round((size * 3) / 100));
  return Array.from({ length: size }, (_, at) => {
    const kind =
      at < stragglers
        ? STRAGGLERS[at % STRAGGLERS.length]
        : LEVELS[(at - stragglers) % LEVELS.length];
    const isOffline = at >= stragglers && at < stragglers + offline;
    return { name: `${kind}-${at}`, kind: kind ?? "mtls", isOffline };
  });
}

/**
 * Joins those who join and starts everybody, a few at a time.
 *
 * @param scene a central that hears every level
 * @param wanted who
 * @param started is told each process, to end it later
 */
export async function startFleet(
  scene: PolicyScene,
  wanted: readonly Wanted[],
  started: (member: Member, process: LaunchedProcess) => void,
): Promise<readonly Member[]> {
  const members: Member[] = [];
  const left = wanted.values();
  const work = async (): Promise<void> => {
    for (const one of left) {
      const member = await settle(scene, one);
      members.push(member);
      const process = member.run();
      started(member, process);
      await process.waitForEvent(({ event }) => event === "connected");
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return members;
}

async function settle(scene: PolicyScene, { name, kind, isOffline }: Wanted): Promise<Member> {
  if (kind === "unproven" || kind === "firmware" || kind === "keyed") {
    const level = kind === "keyed" ? "basic" : "plaintext";
    const run = stranger(scene, { name, level, upgrade: kind === "firmware" ? kind : "manual" });
    return { name, kind, level, isStraggler: true, isOffline, run };
  }
  const level = kind === "deaf" ? "basic" : kind;
  const { run } = await joinPolicyHost(scene, name, level);
  if (kind === "deaf") {
    const deaf = { allowedInstructions: ["addresses", "settings"], rescue: false };
    const central = centralOf(scene, level);
    writeSettings(scene, name, { central, floor: level, ...deaf });
  }
  return { name, kind, level, isStraggler: kind === "deaf", isOffline, run };
}

/** An agent without an identity, with its settings in its own file. */
function stranger(
  scene: PolicyScene,
  {
    name,
    level,
    upgrade,
  }: { readonly name: string; readonly level: Level; readonly upgrade: string },
): Member["run"] {
  const data = join(scene.folder, name);
  mkdirSync(data, { mode: 0o700 });
  writeSettings(scene, name, { name, central: centralOf(scene, level), floor: level, upgrade });
  return () => launchTautline(["agent", "run", "--json", "--data", data]);
}

function centralOf(scene: PolicyScene, level: Level): object {
  const port = level === "plaintext" ? scene.plaintextPort : scene.agentsPort;
  const key = level === "plaintext" ? {} : { key: { file: scene.keyFile } };
  return { level, addresses: [`${scene.address}:${port}`], ...key };
}

function writeSettings({ folder }: PolicyScene, name: string, settings: object): void {
  // JSON is YAML.
  writeFileSync(join(folder, name, "agent.yaml"), JSON.stringify(settings));
}
