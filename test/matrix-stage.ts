import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { Level } from "@tautline/protocol";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import { type LevelRelay, startLevelRelay } from "./level-relay.ts";
import { launchCentral, type RunningCentral } from "./running-central.ts";

/** A key that is nobody's alone, and one that is given to one agent. */
const KEY_TEXTS = {
  legacy: "a key of the tests that is long enough to be strong: 2c81f0aa97",
  bound: "another key of the tests that is long enough to be strong: 77b1",
};
/** The levels at which an agent dials that has joined before; below, it needs nothing but flags. */
const JOINED: ReadonlySet<Level> = new Set(["tls", "mtls"]);

/** Tells whether an agent of this level has joined before it dials. */
export const hasJoined = (level: Level): boolean => JOINED.has(level);

/** An agent that dials central by a relay of its own. */
export interface MatrixAgent extends AsyncDisposable {
  readonly level: Level;
  readonly process: LaunchedProcess;
  readonly relay: LevelRelay;
}

/**
 * Starts a central that in the end accepts one level; those that joins need beside it are closed by `acceptOnly`.
 *
 * @param folder of the whole test; central's data is in it, also of a run before
 * @param accepted the level
 */
export function launchMatrixCentral(folder: string, accepted: Level): LaunchedProcess {
  const key = join(folder, "legacy.key");
  const config = join(folder, "central.yaml");
  writeFileSync(key, KEY_TEXTS.legacy, { mode: 0o600 });
  const agents = accepted === "plaintext" ? [] : [accepted];
  const lines = [
    `agents: { levels: [${[...new Set([...agents, "tls", "mtls"])].join(", ")}], advertise: ["127.0.0.1"] }`,
    `plaintext: { bind: ${accepted === "plaintext" ? "public" : "off"}, port: 0 }`,
    `keys: [{ name: legacy, file: ${JSON.stringify(key)} }]`,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  return launchCentral(join(folder, "central"), undefined, { config, host: "::" });
}

/** Closes every level but one on central's secure port; plaintext has a port of its own. */
export async function acceptOnly(central: RunningCentral, accepted: Level): Promise<void> {
  if (accepted === "plaintext") return;
  await central.call("PUT", "/api/v1/listeners/agents", { levels: [accepted] });
}

/** Joins the agent of a level, by a token, into a folder of its own. */
export async function joinAt(central: RunningCentral, level: Level): Promise<void> {
  const data = join(central.folder, level);
  // Before it joins: an agent that has proven mtls once does not start at tls.
  writeJoinedSettings(data, level, []);
  await using agent = launchTautline(["agent", "join", "--json", "--name", level, "--data", data], {
    env: { TAUTLINE_TOKEN: await central.token() },
  });
  const { code } = await agent.exited;
  if (code !== 0) throw new Error(agent.stderr);
}

/** Gives one agent a key of its own. */
export async function bindKey(central: RunningCentral, agent: string): Promise<void> {
  const value = KEY_TEXTS.bound;
  writeFileSync(join(central.folder, "bound.key"), value, { mode: 0o600 });
  await central.call("POST", "/api/v1/keys", { name: "bound", namespace: "default", agent, value });
}

/**
 * Starts the agent of a level, with a relay between it and central.
 *
 * @param folder of the whole test
 * @param dial its level, the family of addresses, and the key for the levels that need one
 */
export async function launchMatrixAgent(
  folder: string,
  { level, host, key }: { readonly level: Level; readonly host: string; readonly key: string },
): Promise<MatrixAgent> {
  const relay = await startLevelRelay(host);
  const data = join(folder, level);
  const run = ["agent", "run", "--json", "--data", data];
  const flags = ["--central", relay.address, "--level", level, "--name", level];
  const keyed = ["--key-file", join(folder, `${key}.key`), "--key-name", key];
  if (hasJoined(level)) writeJoinedSettings(data, level, [relay.address]);
  const args = hasJoined(level) ? run : [...run, ...flags, ...(level === "plaintext" ? [] : keyed)];
  const process = launchTautline(args);
  return {
    level,
    process,
    relay,
    [Symbol.asyncDispose]: async () => {
      await process.kill("SIGTERM");
      await relay[Symbol.asyncDispose]();
    },
  };
}

/** It must not learn of another way to central than that by the relay, nor take one at a higher level by itself. */
function writeJoinedSettings(data: string, level: Level, addresses: readonly string[]): void {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const lines = [
    `central: { level: ${level}, addresses: ${JSON.stringify(addresses)} }`,
    `floor: ${level}`,
    "allowedInstructions: []",
    "rescue: false",
  ];
  writeFileSync(join(data, "agent.yaml"), `${lines.join("\n")}\n`);
}

/** How often central has refused anybody, by code, as its metrics tell. */
export function readRefusals({ dataDir }: RunningCentral): Promise<ReadonlyMap<string, number>> {
  return new Promise((resolve, reject) => {
    const socketPath = join(dataDir, "admin.sock");
    const asked = request({ socketPath, path: "/metrics", agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const lines = Buffer.concat(chunks).toString("utf8");
        const found = lines.matchAll(/^tautline_refusals_total\{code="([^"]+)"\} (\d+)$/gm);
        resolve(new Map(Array.from(found, ([, code = "", count]) => [code, Number(count)])));
      });
    });
    asked.on("error", reject).end();
  });
}
