import type { Server, Socket } from "node:net";
import {
  type ConnectionTaker,
  createOpeningPort,
  formatHostPort,
  plaintextEvidence,
  refuseInKind,
} from "@tautline/link";
import { type Level, TautlineError } from "@tautline/protocol";
import { endWithProblem } from "../api/problem-reply.ts";
import { saidWithAnswers } from "../api/said-with-answers.ts";
import type { AgentsAcceptors } from "./agents-acceptors.ts";
import type { Drainable } from "./drain.ts";
import { asRefusal, levelElsewhere, levelNotAccepted } from "./level-refusal.ts";
import type { SecuredConnection } from "./secured-connection.ts";
import { shownToken } from "./shown-token.ts";

/** What a port needs to take callers of every level. */
export interface LevelPortDeps extends Pick<AgentsAcceptors, "advanced" | "basic"> {
  readonly certificates: ConnectionTaker;
  /** What is accepted here now. */
  readonly accepted: () => readonly Level[];
  /** What is accepted on any of central's ports now, for those who are at the wrong one. */
  readonly acceptedAnywhere: () => readonly Level[];
  /** Why plaintext, though accepted here, is not for a caller from there; nobody is refused unless told. */
  readonly refusalFrom?: ((remoteAddress: string) => TautlineError | undefined) | undefined;
  /** Whether a caller in plaintext that is refused is heard all the same, to be told where it can join; none is unless told. */
  readonly isReopenedTo?: ((remoteAddress: string) => boolean) | undefined;
  /** What a caller whose level is not accepted is told; what the ports of agents tell, unless told. */
  readonly refusalOf?: ((level: Level) => TautlineError) | undefined;
  readonly handshakeTimeoutMs: number;
  readonly maxConnections: number;
  readonly now: () => number;
  /** Central's offer, as its HTTP answers carry it. */
  readonly offer: () => string;
  /** Plaintext has no handshake: what is accepted is served at once. */
  readonly onPlain: (stream: Drainable, connection: SecuredConnection) => void;
  /** HTTP/2 in plaintext is served like HTTP/1.1; else it is refused. */
  readonly takesHttp2?: boolean;
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
  /**
   * Ends the token of somebody who showed it in plaintext where that is not accepted; resolves with what he is told of it. Never
   * rejects.
   *
   * @param authorization value of the header
   */
  readonly endToken: (authorization: string, socket: Socket) => Promise<TautlineError | undefined>;
}

/**
 * Makes the server of one port: it tells callers apart by their first bytes and refuses, each in its own language, those whose
 * level has no business here.
 *
 * @param deps acceptors, live settings, limits
 * @returns not listening yet
 */
export function createLevelPort(deps: LevelPortDeps): Server {
  const accepts = (level: Level): boolean => deps.accepted().includes(level);
  const explain = (level: Level): TautlineError => {
    if (deps.acceptedAnywhere().includes(level)) return levelElsewhere(level);
    return deps.refusalOf?.(level) ?? levelNotAccepted(level, deps.acceptedAnywhere());
  };
  return createOpeningPort({
    openingTimeoutMs: deps.handshakeTimeoutMs,
    maxConnections: deps.maxConnections,
    now: deps.now,
    accepts,
    explain: (level, spoken) =>
      asRefusal(
        spoken === "http2" && accepts(level)
          ? new TautlineError("link.http_version")
          : explain(level),
      ),
    plain: takerOf((socket) => {
      const { remoteAddress = "unknown" } = socket;
      const refusal = accepts("plaintext")
        ? deps.refusalFrom?.(remoteAddress)
        : explain("plaintext");
      if (refusal === undefined || deps.isReopenedTo?.(remoteAddress) === true) {
        return servePlain(socket, deps);
      }
      refusePlain(socket, refusal, deps);
    }),
    certificates: takerOf((socket) => {
      // What is wrong with a caller at tls or mtls is said in the protocol inside; the plaintext port does not speak TLS at all.
      if (deps.accepted().some((level) => level !== "plaintext")) {
        deps.certificates.emit("connection", socket);
        return;
      }
      const error = explain("tls");
      noteClosed(socket, "tls", error, deps);
      refuseInKind(socket, "advanced", asRefusal(error));
    }),
    advanced: deps.advanced,
    basic: deps.basic,
    ...(deps.takesHttp2 === true && { http2: takerOf((socket) => servePlain(socket, deps)) }),
    onFailed: deps.onFailed,
  });
}

function takerOf(take: (socket: Socket) => void): ConnectionTaker {
  return {
    emit: (_event, socket) => {
      take(socket);
      return true;
    },
  };
}

function servePlain(socket: Socket, { now, onPlain }: LevelPortDeps): void {
  const { remoteAddress = "unknown" } = socket;
  const evidence = plaintextEvidence(now);
  onPlain(socket, { listener: "plaintext", evidence, remoteAddress, binding: () => undefined });
}

/** The head has usually come with the first bytes; what was shown in it, others may have read although nobody serves it here. */
function refusePlain(socket: Socket, error: TautlineError, deps: LevelPortDeps): void {
  noteClosed(socket, "plaintext", error, deps);
  socket.on("error", () => {});
  const tell = (told: TautlineError): void => endWithProblem(socket, told, saidWithAnswers(deps));
  const token = shownToken(socket.read() as Buffer | null);
  if (token === undefined) tell(error);
  else void deps.endToken(token, socket).then((exposed) => tell(exposed ?? error));
}

function noteClosed(
  { remoteAddress = "unknown", remotePort = 0 }: Socket,
  level: Level,
  refusal: TautlineError,
  { onFailed }: LevelPortDeps,
): void {
  const address = formatHostPort(remoteAddress, remotePort);
  const detail = { address, level, ...asRefusal(refusal) };
  const error = new TautlineError("link.level_closed", { detail });
  onFailed(error, address, remoteAddress);
}
