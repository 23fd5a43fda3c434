import type { Level } from "@tautline/protocol";
import { noHost, PLAINTEXT_PORT, readHost, SECURE_PORT } from "./old-address.ts";
import { oldSettingError, shownName, type OldFinding } from "./old-finding.ts";
import type { Properties, Property } from "./properties.ts";
import { resembles } from "./setting-name.ts";
import { readTrust, type TrustSettings } from "./trust-arguments.ts";

/** What an old agent.conf asks for. */
export interface OldWebsocket {
  readonly level: Extract<Level, "plaintext" | "tls">;
  /** Undefined where the file names no central. */
  readonly host: string | undefined;
  readonly port: number;
  /** At level tls. */
  readonly trust?: TrustSettings;
  readonly findings: readonly OldFinding[];
}

const SECURE = "central.websocket.secure";
const PORTS = {
  tls: "central.websocket.secure.port",
  plaintext: "central.websocket.port",
} as const;
/** Written in this order of preference; the manual names none, so each of the usual ones is taken. */
const HOSTS = ["central.websocket.host", "central.host", "central.address"] as const;
const ARGUMENTS = "jetty.jvm.args";
const KNOWN: ReadonlySet<string> = new Set([
  SECURE,
  PORTS.tls,
  PORTS.plaintext,
  ...HOSTS,
  ARGUMENTS,
]);

/**
 * Decides what an agent.conf asks for (QM-4, QM-5, QM-7).
 *
 * @param properties of agent.conf
 * @throws config.old_setting: neither true nor false, no port, no host, the same port twice, or a mistyped name
 */
export function decideWebsocket({ file, entries, findings }: Properties): OldWebsocket {
  refuseMistyped(file, entries);
  const level = isOn(file, entries.get(SECURE)) ? "tls" : "plaintext";
  const ports = {
    tls: portOf(file, entries.get(PORTS.tls)) ?? SECURE_PORT,
    plaintext: portOf(file, entries.get(PORTS.plaintext)) ?? PLAINTEXT_PORT,
  };
  if (ports.tls === ports.plaintext) {
    const lines = [PORTS.tls, PORTS.plaintext].flatMap((key) => entries.get(key)?.line ?? []);
    const reason = `the secure port and the unencrypted port are both ${ports.tls} (QM-7)`;
    throw oldSettingError(file, lines.map((line) => `line ${line}`).join(" and "), reason);
  }
  const host = hostOf(file, entries);
  const found = [...findings, ...(host === undefined ? [noHost(file)] : [])];
  const base = { level, host, port: ports[level] } as const;
  if (level === "plaintext") {
    return { ...base, findings: [...found, unsecured(file, entries.get(SECURE))] };
  }
  const { trust, findings: more } = readTrust(file, entries.get(ARGUMENTS));
  return { ...base, trust, findings: [...found, ...more] };
}

/** `central.websocket.secur=true` would leave the link unencrypted in silence (SWP-1). */
function refuseMistyped(file: string, entries: ReadonlyMap<string, Property>): void {
  for (const [name, { line }] of entries) {
    const isOurs = name.toLowerCase().startsWith("central.");
    if (KNOWN.has(name) || !isOurs || !resembles(name, "secure")) continue;
    const reason = `${shownName(name)} is none of the settings ${SECURE}, ${PORTS.tls}, and a mistyped one would leave the link unencrypted`;
    throw oldSettingError(file, `line ${line}`, reason);
  }
}

function isOn(file: string, spoken: Property | undefined): boolean {
  const word = plain(spoken)?.toLowerCase() ?? "false";
  if (word === "true" || word === "false") return word === "true";
  throw oldSettingError(file, `line ${spoken?.line}`, "it is neither true nor false");
}

function portOf(file: string, spoken: Property | undefined): number | undefined {
  const text = plain(spoken);
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw oldSettingError(file, `line ${spoken?.line}`, "it is no port from 1 to 65535");
}

function hostOf(file: string, entries: ReadonlyMap<string, Property>): string | undefined {
  const spoken = HOSTS.map((key) => entries.get(key)).find((one) => one !== undefined);
  if (spoken === undefined) return undefined;
  return readHost(file, plain(spoken) ?? "", `line ${spoken.line}`);
}

/** Some write values of this file in quotation marks, most do not. */
function plain(spoken: Property | undefined): string | undefined {
  return spoken?.value.trim().replace(/^"([^"]*)"$/, "$1");
}

function unsecured(file: string, spoken: Property | undefined): OldFinding {
  return {
    severity: "warning",
    file,
    line: spoken?.line ?? null,
    what: "Secure WebSocket is off: the link is plaintext, as it was",
    why: "Whoever is on the way reads and changes what the two ends say.",
    remedy: `Set ${SECURE}=true once central's certificate can be checked, or join the agent: 'tautline agent join'.`,
  };
}
