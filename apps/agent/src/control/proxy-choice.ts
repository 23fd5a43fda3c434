import { isIP } from "node:net";
import {
  basicAuthorization,
  formatHostPort,
  parseProxy,
  readDirectRules,
  type DirectRules,
  type HostPort,
  type Proxy,
} from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import { readPrivateFile } from "@tautline/vault";
import type { AgentConfig } from "../config.ts";

const CREDENTIALS = "central.proxyCredentialsFile";
/** User, colon, password and the line's end. */
const MAX_CREDENTIALS_BYTES = 1024;

/** By which proxy central is dialled, if by any. */
export interface ProxyChoice {
  /** Asked at each dial; a file of credentials is read anew each time. @throws link.proxy_setting, vault.file_unsafe */
  readonly proxyFor: (target: HostPort) => Proxy | undefined;
  /** "host:port" for people, without credentials; null where central is dialled directly. */
  readonly shown: string | null;
}

/**
 * Chooses the proxy: that of agent.yaml, else of the environment; in the environment the small letters go first, as curl has it.
 *
 * @param central the settings file's part
 * @param readVariable reads an environment variable
 * @throws link.proxy_setting if the environment names one that cannot be used
 */
export function chooseProxy(
  central: AgentConfig["central"],
  readVariable: (name: string) => string | undefined,
): ProxyChoice {
  const { proxy: text, proxyCredentialsFile: file, noProxy } = central;
  if (text === "none") return DIRECT;
  if (text !== undefined) {
    const rules = readDirectRules(noProxy);
    const login = file === undefined ? undefined : (): string => readLogin(file);
    return choice(parseProxy(text, "central.proxy"), { rules, isLoopbackDirect: false, login });
  }
  const [name, fromEnvironment] = firstSet(readVariable, ["https_proxy", "HTTPS_PROXY"]);
  if (fromEnvironment === undefined) return DIRECT;
  const [, exceptions = ""] = firstSet(readVariable, ["no_proxy", "NO_PROXY"]);
  const rules = readDirectRules([...noProxy, ...exceptions.split(/[\s,]+/)]);
  // Whoever set the variable meant the world outside, not this host.
  return choice(parseProxy(fromEnvironment, name), { rules, isLoopbackDirect: true });
}

const DIRECT: ProxyChoice = { proxyFor: () => undefined, shown: null };

interface Conditions {
  readonly rules: DirectRules;
  readonly isLoopbackDirect: boolean;
  readonly login?: (() => string) | undefined;
}

function choice(proxy: Proxy, { rules, isLoopbackDirect, login }: Conditions): ProxyChoice {
  return {
    shown: formatHostPort(proxy.host, proxy.port),
    proxyFor: (target) => {
      // A link-local address means nothing to a proxy.
      const isDirect =
        target.host.includes("%") ||
        rules.matches(target) ||
        (isLoopbackDirect && isLoopback(target.host));
      if (isDirect) return undefined;
      return login === undefined ? proxy : { ...proxy, authorization: login() };
    },
  };
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "::1" || /^(?:[^.]+\.)*localhost\.?$/i.test(host);
}

function readLogin(file: string): string {
  const text = readPrivateFile(file, MAX_CREDENTIALS_BYTES)?.toString("utf8").trimEnd();
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon < 1 || text.includes("\n")) {
    const reason = text === undefined ? `${file} is not there` : `${file} is not 'user:password'`;
    throw new TautlineError("link.proxy_setting", { detail: { setting: CREDENTIALS, reason } });
  }
  return basicAuthorization(text.slice(0, colon), text.slice(colon + 1));
}

/** An empty variable is an unset one, as everywhere. */
function firstSet(
  readVariable: (name: string) => string | undefined,
  names: readonly [string, string],
): readonly [name: string, value: string | undefined] {
  const found = names.find((name) => (readVariable(name) ?? "") !== "");
  return [found ?? names[0], found && readVariable(found)];
}
