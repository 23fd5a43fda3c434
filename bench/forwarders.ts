import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Level } from "@tautline/protocol";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import { type BenchCentral, startCentral } from "./central.ts";
import type { BenchContext } from "./benchmark.ts";
import { freePort } from "./free-port.ts";
import { processorMs, residentBytes } from "./machine.ts";

/** Two processes that carry connections from a port of this host to the benchmark's server. */
export interface Forwarder {
  readonly name: string;
  /** Where programs connect. */
  readonly port: number;
  /** Processor time of both, milliseconds. */
  cpuMs(): number;
  /** Resident memory of both, bytes. */
  memoryBytes(): number;
}

/** A central, and agents of several levels that forward through it. */
export interface ForwardingFleet extends AsyncDisposable {
  readonly forwarders: readonly Forwarder[];
}

const KEY_TEXT = "the text of a key that both ends of this benchmark were given";
/** Connections kept ready, as many as come at once in the benchmark. */
const WARM = 16;

/**
 * Starts central and an agent for each level, each with one forward to a port.
 *
 * @param context whose folder
 * @param levels of the agents
 * @param to port of this host that the forwards lead to
 */
export async function startForwarding(
  context: BenchContext,
  levels: readonly Exclude<Level, "plaintext">[],
  to: number,
): Promise<ForwardingFleet> {
  const keyFile = join(context.folder, "bench.key");
  writeFileSync(keyFile, `${KEY_TEXT}\n`, { mode: 0o600 });
  const settings = [
    "agents: { levels: [basic, advanced, tls, mtls] }",
    `keys: [{ name: legacy, file: ${JSON.stringify(keyFile)} }]`,
  ];
  const central = await startCentral({ ...context, settings: `${settings.join("\n")}\n` });
  const agents: LaunchedProcess[] = [];
  const target = ["--target", `127.0.0.1:${to}`, "--data", central.dataDir];
  await run(["forwards", "allow", "bench", ...target]);
  const forwarders: Forwarder[] = [];
  for (const level of levels) {
    const port = await freePort();
    const agent = await startAgent(context.folder, central, { level, keyFile, port });
    agents.push(agent);
    const ofBoth = (of: (pid: number) => number): number =>
      of(central.worker.pid) + of(agent.pid ?? 0);
    forwarders.push({
      name: level,
      port,
      cpuMs: () => ofBoth(processorMs),
      memoryBytes: () => ofBoth(residentBytes),
    });
  }
  return {
    forwarders,
    [Symbol.asyncDispose]: async () => {
      for (const agent of agents) await agent.kill("SIGKILL");
      await central[Symbol.asyncDispose]();
    },
  };
}

async function startAgent(
  folder: string,
  central: BenchCentral,
  {
    level,
    keyFile,
    port,
  }: { readonly level: Level; readonly keyFile: string; readonly port: number },
): Promise<LaunchedProcess> {
  const data = join(folder, `agent-${level}`);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const key = level === "basic" || level === "advanced";
  const lines = [
    "central:",
    `  level: ${level}`,
    `  addresses: ["127.0.0.1:${central.agentsPort}"]`,
    ...(key ? [`  key: { name: legacy, file: ${JSON.stringify(keyFile)} }`] : []),
    `floor: ${level}`,
    `forwards: { bench: { listen: "127.0.0.1:${port}", warm: ${WARM} } }`,
  ];
  writeFileSync(join(data, "agent.yaml"), `${lines.join("\n")}\n`);
  await run(["agent", "join", "--json", "--data", data], {
    TAUTLINE_TOKEN: await central.token(1),
  });
  const agent = launchTautline(["agent", "run", "--json", "--data", data]);
  await agent.waitForEvent((event) => event["event"] === "connected");
  return agent;
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  await using command = launchTautline(args, { env });
  const { code } = await command.exited;
  if (code !== 0) throw new Error(command.stderr);
}
