/* Equipment of the tests of policy: a central that hears every level, with hosts that come at one each. No tests of its own. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Level } from "@tautline/protocol";
import { launchTautline, type LaunchedProcess, withTempFolder } from "@tautline/testing";
import {
  type CentralPorts,
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

const KEY_TEXT = "a key of the tests that is long enough to be strong: 51d0c7e2b9";

/** An address of this host that is not loopback: policies treat that one otherwise (QM-13). */
export const OWN_ADDRESS: string | undefined = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

/** A central, and what hosts need to come to it. */
export interface PolicyScene extends RunningCentral {
  readonly plaintextPort: number;
  readonly keyFile: string;
  /** The address by which hosts dial it. */
  readonly address: string;
}

/** Where a central of these tests keeps what outlives a kill. */
export interface PolicyFolder {
  readonly folder: string;
  readonly dataDir: string;
  readonly config: string;
  readonly keyFile: string;
}

/** Makes the folder of a central that hears every level; `isPatient` where thousands come at once on a machine that has other work. */
export function makePolicyFolder(folder: string, isPatient = false): PolicyFolder {
  const keyFile = join(folder, "legacy.key");
  writeFileSync(keyFile, KEY_TEXT, { mode: 0o600 });
  const config = join(folder, "central.yaml");
  const lines = [
    `agents: { levels: [basic, advanced, tls, mtls]${isPatient ? ", handshakeTimeout: 60s" : ""} }`,
    "plaintext: { bind: public, host: 0.0.0.0, port: 0 }",
    `keys: [{ name: legacy, file: ${JSON.stringify(keyFile)} }]`,
    ...(isPatient ? ["admission: { failedAttempts: 1000000 }"] : []),
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  return { folder, dataDir: join(folder, "central"), config, keyFile };
}

/** Starts a central of these tests, on ports of an earlier run or on free ones. */
export async function startPolicyCentral(
  { folder, dataDir, config, keyFile }: PolicyFolder,
  ports?: CentralPorts,
): Promise<PolicyScene> {
  const process = launchCentral(dataDir, ports, { config, host: "0.0.0.0" });
  const central = await describeCentral(process, dataDir, folder);
  const { plaintextPort = 0 } = central;
  return { ...central, plaintextPort, keyFile, address: OWN_ADDRESS ?? "127.0.0.1" };
}

/** Gives `use` a central that hears every level. */
export function withPolicyCentral(use: (scene: PolicyScene) => Promise<void>): Promise<void> {
  return withTempFolder(async (folder) => {
    const scene = await startPolicyCentral(makePolicyFolder(folder));
    await using process = scene.process;
    await use(scene);
    await process.kill("SIGTERM");
  });
}

/** A host that has joined, and how to run its agent. */
export interface PolicyHost {
  readonly id: string;
  readonly run: () => LaunchedProcess;
}

/** Joins a host whose agent then dials at a level. */
export async function joinPolicyHost(
  scene: PolicyScene,
  name: string,
  level: Level,
): Promise<PolicyHost> {
  const data = join(scene.folder, name);
  mkdirSync(data, { mode: 0o700 });
  const port = level === "plaintext" ? scene.plaintextPort : scene.agentsPort;
  const key = { file: scene.keyFile };
  const central = { level, addresses: [`${scene.address}:${port}`], key };
  // JSON is YAML. The join's own token says where certificates are spoken.
  writeFileSync(join(data, "agent.yaml"), JSON.stringify({ central, floor: level }));
  const args = ["agent", "join", "--json", "--name", name, "--data", data];
  await using joining = launchTautline(args, { env: { TAUTLINE_TOKEN: await scene.token() } });
  const line = await joining.waitForEvent(({ id }) => typeof id === "string");
  assert.equal((await joining.exited).code, 0, joining.stderr);
  const run = (): LaunchedProcess => launchTautline(["agent", "run", "--data", data, "--json"]);
  return { id: String(line["id"]), run };
}

/** Runs an agent without an identity, in plaintext. */
export function runStranger(scene: PolicyScene, name: string): LaunchedProcess {
  const where = ["--central", `${scene.address}:${scene.plaintextPort}`, "--level", "plaintext"];
  const data = ["--data", join(scene.folder, name), "--name", name];
  return launchTautline(["agent", "run", "--json", ...where, ...data]);
}

/** The live links, by agent. */
export async function linksOf(
  scene: Pick<RunningCentral, "call">,
): Promise<ReadonlyMap<string, ListedLink>> {
  const { items } = await scene.call<Items<ListedLink>>("GET", "/api/v1/links");
  return new Map(items.map((link) => [link.agent, link]));
}

/** Waits until an agent is linked at a level. */
export function linkedAt(
  scene: Pick<RunningCentral, "call">,
  id: string,
  level: Level,
): Promise<ListedLink> {
  return until(async () => {
    const link = (await linksOf(scene)).get(id);
    return link?.level === level ? link : undefined;
  });
}

/** A change of policy as the API shows it. */
export interface ShownChange {
  readonly id: number;
  readonly step: string;
  readonly reason: string;
  readonly counts: {
    readonly watched: number;
    readonly met: number;
    readonly excepted: number;
    readonly lost: number;
  };
  readonly agents: readonly { readonly id: string; readonly excepted: boolean }[];
}

/** Waits until a change is at one of some steps. */
export function changeAt(
  scene: Pick<RunningCentral, "call">,
  id: number,
  ...steps: readonly string[]
): Promise<ShownChange> {
  return until(async () => {
    const { items } = await scene.call<Items<ShownChange>>("GET", "/api/v1/policy/changes");
    const change = items.find((each) => each.id === id && steps.includes(each.step));
    return change && scene.call<ShownChange>("GET", `/api/v1/policy/changes/${id}`);
  });
}
