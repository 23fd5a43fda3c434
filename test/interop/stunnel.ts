import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";
import { until } from "../until.ts";
import { GUIDE, KEY_NAME } from "./level-central.ts";

/** stunnel on a free port of this host. */
export interface Stunnel extends AsyncDisposable {
  readonly port: number;
  readonly process: LaunchedProcess;
}

/** What is different from one stunnel to the next. */
export interface StunnelOrder {
  /** For its files. */
  readonly folder: string;
  /** `client`: takes plaintext and secures it; `server`: the other way round. */
  readonly as: "client" | "server";
  /** The port of this host that it leads to. */
  readonly to: number;
  readonly pskHex: string;
  /** The PSK identity; the name of the key unless told. */
  readonly identity?: string;
}

/** The settings that the guide gives to operators, line by line. */
function settingsOf(as: "client" | "server"): string[] {
  const blocks = [...GUIDE.matchAll(/^```ini\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const found = blocks.find((block) => block.includes("client = yes") === (as === "client"));
  if (found === undefined) throw new Error(`the guide shows no stunnel as a ${as}`);
  return found.trimEnd().split("\n");
}

/**
 * Starts stunnel with the settings of docs/guides/shared-keys.md, but for addresses, key and name.
 *
 * @param order where to, and with which key
 */
export async function openStunnel(order: StunnelOrder): Promise<Stunnel> {
  const { folder, as, to, pskHex, identity = KEY_NAME } = order;
  const own = `stunnel-${as}-${identity}-${pskHex.slice(0, 8)}`;
  const secrets = join(folder, `${own}.psk`);
  writeFileSync(secrets, `${identity}:${pskHex}\n`, { mode: 0o600 });
  const change: Readonly<Record<string, string>> = {
    accept: "127.0.0.1:0",
    connect: `127.0.0.1:${to}`,
    PSKsecrets: secrets,
    PSKidentity: identity,
  };
  const lines = settingsOf(as).map((line) => {
    const [name = ""] = line.split(" = ");
    return name in change ? `${name} = ${change[name]}` : line;
  });
  // In the foreground, saying on which port it listens.
  lines.unshift("foreground = yes", "pid =", "syslog = no", "debug = info");
  const file = join(folder, `${own}.conf`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  const process = launchProcess({ command: "stunnel", args: [file] });
  const ended = process.exited.then(() => {
    throw new Error(`stunnel ended: ${process.stderr}`);
  });
  const bound = until(async () => /bound to 127\.0\.0\.1:(\d+)/.exec(process.stderr)?.[1]);
  return {
    port: Number(await Promise.race([bound, ended])),
    process,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
