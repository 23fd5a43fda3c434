import type { TautlineError } from "@tautline/protocol";
import { oldSettingError, type OldFinding } from "./old-finding.ts";
import type { Property } from "./properties.ts";

/** What an agent trusts at level tls, in the words of agent.yaml. */
export type TrustSettings = { readonly system: true } | { readonly caFile: string };

/** What was read from a program's arguments. */
export interface OldTrust {
  readonly trust: TrustSettings;
  readonly findings: readonly OldFinding[];
}

const PEM_NAME = /\.(?:pem|crt|cer)$/i;

/**
 * Reads which authorities an agent's Java trusted, from `jetty.jvm.args` (QM-4, QM-5).
 *
 * @param file the old file
 * @param spoken the arguments; without `-Djavax.net.ssl.trustStore` Java takes its own list, and so do we
 * @throws config.old_setting: a path that is none
 */
export function readTrust(file: string, spoken: Property | undefined): OldTrust {
  const line = spoken?.line ?? null;
  const text = spoken?.value ?? "";
  // What \t became of a single backslash before a "t" would end the path, and another file would be trusted.
  if (/\p{Cc}/u.test(text)) throw brokenPath(file, line);
  const flags = systemProperties(text);
  const store = flags.get("javax.net.ssl.trustStore");
  if (store === undefined || store === "NONE") {
    return { trust: { system: true }, findings: [systemTrust(file, line)] };
  }
  if (store === "") throw brokenPath(file, line);
  const type = (flags.get("javax.net.ssl.trustStoreType") ?? "").toUpperCase();
  if (type === "PEM" || (type === "" && PEM_NAME.test(store))) {
    return { trust: { caFile: store }, findings: [] };
  }
  const caFile = `${store.replace(/\.(?:jks|p12|pfx|keystore)$/i, "")}.pem`;
  return { trust: { caFile }, findings: [unreadableStore(file, line, store, caFile)] };
}

function brokenPath(file: string, line: number | null): TautlineError {
  const reason =
    "the path of the trust store is none; in this kind of file a backslash is written twice";
  return oldSettingError(file, `line ${line}`, reason);
}

/** `-Dname=value` of a command line; of the same name the last one counts, as for Java. */
function systemProperties(text: string): ReadonlyMap<string, string> {
  const words = text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
  return new Map(
    words
      .map((word) => /^-D([^=]+)=([^]*)$/.exec(word.replaceAll('"', "")))
      .flatMap((match) => (match === null ? [] : [[match[1] ?? "", match[2] ?? ""] as const])),
  );
}

function systemTrust(file: string, line: number | null): OldFinding {
  return {
    severity: "warning",
    file,
    line,
    what: "No trust store is named: the authorities this host's system trusts are trusted",
    why: "Any of them can vouch for another central of the same name.",
    remedy:
      "Put central's authority into a PEM file and name it in central.trust.caFile of agent.yaml.",
  };
}

function unreadableStore(
  file: string,
  line: number | null,
  store: string,
  caFile: string,
): OldFinding {
  return {
    severity: "warning",
    file,
    line,
    what: `The trust store ${store} is of a kind that cannot be read; ${caFile} is read in its place`,
    why: "Until that file is there the agent trusts nobody and does not connect.",
    remedy: `Export central's certificate once: keytool -exportcert -rfc -keystore "${store}" -alias ALIAS -file "${caFile}" ('keytool -list -keystore "${store}"' shows the aliases).`,
  };
}
