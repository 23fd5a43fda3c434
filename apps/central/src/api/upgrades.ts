import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "@tautline/daemon";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { answerSwitching } from "../forwards/accept-forward.ts";
import type { Principal } from "../operators/principal.ts";
import { endWithProblem } from "./problem-reply.ts";
import { explainIssue } from "./api-app.ts";
import type { TakeUpgrade, Verb } from "./verb.ts";

/** Who asks, and who is told how what was begun can be ended. */
export interface UpgradesDeps {
  readonly verbs: readonly Verb[];
  /** Finds out whose request it is; throws where it is nobody's. */
  readonly principalOf: (request: IncomingMessage) => Principal;
  /** Takes the way to end what runs on a connection with a reason, where somebody may want to. */
  readonly onTaken: (socket: Socket, end: (reason: TautlineError) => void) => void;
  readonly log: Logger;
}

/** An upgrade that a verb takes. */
interface Asked {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
}

/**
 * Tells which requests for an upgrade a verb takes: all others are answered as if they had not asked for one.
 *
 * @param verbs of the API
 */
export function upgradeRule(verbs: readonly Verb[]): (request: IncomingMessage) => boolean {
  return (request) => findVerb(verbs, request) !== undefined;
}

/**
 * Serves the verbs of the API whose connection goes over to another protocol: judged as every verb is, and refused by a problem
 * document before anything is begun.
 *
 * @param server made with `upgradeRule`
 * @param deps verbs, and who asks
 */
export function mountUpgrades(server: Server, deps: UpgradesDeps): void {
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    take(deps, { request, socket, head }).catch((thrown: unknown) => {
      const error = toTautlineError(thrown);
      if (error.status >= 500) deps.log.error({ err: error }, "an upgrade was not handled");
      endWithProblem(socket, error);
    });
  });
}

async function take(deps: UpgradesDeps, { request, socket, head }: Asked): Promise<void> {
  const who = deps.principalOf(request);
  const found = findVerb(deps.verbs, request);
  if (found === undefined) throw new TautlineError("api.no_route");
  const { verb, params } = found;
  verb.requireCall(who);
  requireProtocol(verb, request);
  const read = verb.params?.safeParse(params);
  if (read?.success === false) throw explainIssue(read.error.issues[0], "params");
  // Verbs with `upgrade` give that and nothing else.
  const begin = (await verb.run({ params: read?.data, query: {}, body: {} }, who)) as TakeUpgrade;
  if (socket.destroyed) return;
  answerSwitching(socket, {});
  const from = socket.remoteAddress ?? "local";
  deps.onTaken(socket, begin({ socket, head, from }));
}

function requireProtocol({ upgrade }: Verb, { headers, url = "" }: IncomingMessage): void {
  if (url.includes("?")) throw invalid("query", "there is none here");
  if (headers.upgrade?.toLowerCase() === upgrade) return;
  throw invalid("upgrade", `it takes 'Upgrade: ${upgrade}'`);
}

function invalid(path: string, reason: string): TautlineError {
  return new TautlineError("api.invalid", { detail: { path, reason } });
}

interface Found {
  readonly verb: Verb;
  readonly params: Readonly<Record<string, string>>;
}

function findVerb(
  verbs: readonly Verb[],
  { method, url = "" }: IncomingMessage,
): Found | undefined {
  if (method !== "GET") return undefined;
  const asked = (url.split("?")[0] ?? "").split("/");
  for (const verb of verbs) {
    const params = verb.upgrade === undefined ? undefined : paramsOf(verb.path.split("/"), asked);
    if (params !== undefined) return { verb, params };
  }
  return undefined;
}

/** As the router reads a path: case counts, and no part may be empty. */
function paramsOf(
  parts: readonly string[],
  asked: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (parts.length !== asked.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    const text = asked[at] ?? "";
    if (!part.startsWith(":")) {
      if (part !== text) return undefined;
      continue;
    }
    const value = decoded(text);
    if (value === undefined || value === "") return undefined;
    params[part.slice(1)] = value;
  }
  return params;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
