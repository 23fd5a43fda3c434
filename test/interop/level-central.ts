import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  AgentToServerSchema,
  encodeAgentToServer,
  makeAgentId,
} from "@tautline/protocol";
import { launchProcess, launchTautline } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

/** The name of the key that this central shares, and so the PSK identity. */
export const KEY_NAME = "site-3";
/** What operators are told to paste. */
export const GUIDE = readFileSync(
  new URL("../../docs/guides/shared-keys.md", import.meta.url),
  "utf8",
);
/** Somebody else's key. */
export const WRONG_KEY = "00".repeat(32);

/** A central that accepts every level, plaintext from this host only. */
export interface LevelCentral extends RunningCentral, AsyncDisposable {
  readonly plaintextPort: number;
  /** Holds the text of the key, as `keys create` printed it. */
  readonly keyFile: string;
  /** What `keys show --psk-hex` gives to programs that are not ours. */
  readonly pskHex: string;
}

/** Starts one in a fresh folder, with a key made and shown by the command. */
export async function openLevelCentral(): Promise<LevelCentral> {
  const folder = mkdtempSync(join(tmpdir(), "tautline-test-"));
  const config = join(folder, "central.yaml");
  writeFileSync(
    config,
    "agents: {levels: [basic, advanced, tls, mtls]}\nplaintext: {bind: loopback, port: 0}\n",
  );
  const dataDir = join(folder, "central");
  const process = launchCentral(dataDir, undefined, { config });
  const central = await describeCentral(process, dataDir, folder);
  const { items } = await central.call<Items<{ name: string; addresses: readonly string[] }>>(
    "GET",
    "/api/v1/listeners",
  );
  const [address] = items.find(({ name }) => name === "plaintext")?.addresses ?? [];
  const keyFile = await makeKey(central, KEY_NAME);
  const pskHex = (await say(central, "keys", "show", KEY_NAME, "--psk-hex")).trim();
  return {
    ...central,
    plaintextPort: Number(/:(\d+)$/.exec(address ?? "")?.[1]),
    keyFile,
    pskHex,
    [Symbol.asyncDispose]: async () => {
      await process.kill("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a verb says on standard output, at this central. */
export async function say(
  { dataDir }: Pick<RunningCentral, "dataDir">,
  ...args: readonly string[]
): Promise<string> {
  await using verb = launchTautline([...args, "--data", dataDir]);
  const { code } = await verb.exited;
  assert.equal(code, 0, verb.stderr);
  return verb.stdout;
}

/** Makes a key and returns the file that its text is in. */
export async function makeKey(
  central: RunningCentral,
  name: string,
  ...flags: readonly string[]
): Promise<string> {
  const file = join(central.folder, `${name}.key`);
  writeFileSync(file, await say(central, "keys", "create", name, ...flags), { mode: 0o600 });
  return file;
}

/** An agent's report: the body in a file, and the whole HTTP request. */
export interface Report {
  readonly id: string;
  readonly bodyFile: string;
  readonly request: Buffer;
}

/**
 * Writes an AgentToServer as any OpAMP agent polls with it.
 *
 * @param folder where the file goes
 * @param id the agent; one that nobody knows unless told
 */
export function makeReport(
  folder: string,
  id: string = makeAgentId(Date.now(), randomBytes(10)),
): Report {
  const body = encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: agentIdToBytes(id),
      sequenceNum: 1n,
      capabilities: 1n,
    }),
  );
  const head = [
    "POST /v1/opamp HTTP/1.1",
    "host: 127.0.0.1",
    "content-type: application/x-protobuf",
    `content-length: ${body.length}`,
    "connection: close",
  ];
  const bodyFile = join(folder, `${id}.bin`);
  writeFileSync(bodyFile, body);
  return {
    id,
    bodyFile,
    request: Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]),
  };
}

/** What of an agent `agents list` and `links list` show. */
export interface Seen {
  readonly state: string;
  readonly level: string;
  readonly keyId: string | null;
  readonly transport: string;
  readonly clientProven: boolean;
}

/**
 * Waits until central lists the agent and its link, and tells as what.
 *
 * @param central where
 * @param id the agent
 */
export async function seenAs(central: RunningCentral, id: string): Promise<Seen> {
  const find = async <Item>(path: string, mine: (item: Item) => boolean): Promise<Item> =>
    until(async () => (await central.call<Items<Item>>("GET", path)).items.find(mine));
  const agent = await find<{ id: string; state: string }>(
    "/api/v1/agents",
    (each) => each.id === id,
  );
  const { level, keyId, transport, clientProven } = await find<
    ListedLink & { keyId: string | null }
  >(`/api/v1/links?agent=${id}`, (each) => each.agent === id);
  return { state: agent.state, level, keyId, transport, clientProven };
}

/**
 * Waits until central has logged a refusal, and returns that line.
 *
 * @param central where
 * @param code of the refusal
 * @param words in its sentence
 */
export function logged(
  { process }: Pick<RunningCentral, "process">,
  code: string,
  words: RegExp,
): Promise<{ readonly msg: string; readonly remedy: string }> {
  return until(async () => {
    const lines = process.stderr.split("\n").filter((line) => line.includes(`"${code}"`));
    const read = lines.flatMap((line) => readLine(line));
    return read.find(({ msg }) => words.test(msg));
  });
}

/** The last line may be written only in part yet. */
function readLine(line: string): { readonly msg: string; readonly remedy: string }[] {
  try {
    return [JSON.parse(line) as { msg: string; remedy: string }];
  } catch {
    return [];
  }
}

/** Where the programs come from that these tests speak to. */
const PACKAGES = {
  openssl: "openssl",
  "gnutls-cli": "gnutls-bin",
  stunnel: "stunnel4",
  curl: "curl",
  iperf3: "iperf3",
  nc: "netcat-openbsd",
  psql: "postgresql",
  ssh: "openssh-client",
} as const;
/** What makes a program say its version and end. */
const VERSION: Partial<Record<string, string>> = {
  stunnel: "-version",
  nc: "-h",
  ssh: "-V",
  psql: "-V",
};

/**
 * Fails with the package to install where a program is missing, so that no test passes without its peer.
 *
 * @param command the program
 */
export async function requirePeer(command: keyof typeof PACKAGES): Promise<void> {
  await using process = launchProcess({ command, args: [VERSION[command] ?? "version"] });
  await process.exited.catch((error: unknown) => {
    throw new Error(
      `these tests need the program ${command}: apt-get install ${PACKAGES[command]} (scripts/prepare test)`,
      { cause: error },
    );
  });
}

/** A program that has ended: all it said, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/**
 * Runs a program to its end.
 *
 * @param command the program
 * @param args its arguments
 * @param input its standard input
 */
export async function runPeer(
  command: string,
  args: readonly string[],
  input: Uint8Array = new Uint8Array(),
): Promise<Ended> {
  // A program that hears the end of its input hangs up, and may do so before the answer has come.
  const keepInputOpen = input.length > 0;
  await using process = launchProcess({ command, args, input, keepInputOpen });
  const { code } = await process.exited;
  return { code, said: process.stdout + process.stderr };
}
