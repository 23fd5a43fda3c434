/* Equipment: a port that speaks levels as central's do, answering what each level's HTTP server would. No tests of its own. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { once } from "node:events";
import { type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  acceptBasic,
  basicPsk,
  createAdvancedAcceptor,
  createClientJudge,
  createOpeningPort,
  createTlsAcceptor,
  rootsPem,
} from "@tautline/link";
import { certificatesFromPem } from "@tautline/pki";
import {
  formatOffer,
  formatTimestamp,
  type Level,
  OFFER_HEADER,
  TautlineError,
  TIME_HEADER,
  toProblem,
} from "@tautline/protocol";
import { createTestAuthority } from "@tautline/testing";

const authority = createTestAuthority({ trustDomain: "fleet.test" });
const TIMEOUT_MS = 10_000;

/** A port and what came to nothing on it. */
export interface RunningOpening extends AsyncDisposable {
  readonly address: string;
  readonly failures: readonly string[];
  /** Requests that were answered, as the method and path. */
  readonly requests: readonly string[];
}

/** What the port is. */
export interface OpeningPortSettings {
  readonly accepted: readonly Level[];
  readonly sharedKey?: Uint8Array;
  readonly version?: string;
  /** Milliseconds by which its clock is ahead. */
  readonly aheadMs?: number;
}

/** Opens a port that accepts some levels and refuses the others as central does. */
export async function openLevels(settings: OpeningPortSettings): Promise<RunningOpening> {
  const { accepted, sharedKey = Buffer.alloc(32, 1), version = "0.1.0", aheadMs = 0 } = settings;
  const failures: string[] = [];
  const requests: string[] = [];
  const onFailed = (error: TautlineError): void => void failures.push(error.code);
  const answer = (level: Level) => (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`);
    response.setHeader(OFFER_HEADER, formatOffer({ version, levels: accepted }));
    response.setHeader(TIME_HEADER, formatTimestamp(Date.now() + aheadMs));
    response.setHeader("content-type", "application/problem+json");
    const problem = accepted.includes(level)
      ? toProblem(new TautlineError("api.no_route"))
      : {
          title: "Level",
          status: 426,
          detail: `This port does not accept ${level}.`,
          remedy: "Use mtls.",
        };
    response.statusCode = problem.status;
    response.end(JSON.stringify(problem));
  };
  const serve = (level: Level) => {
    const http = createHttpServer(answer(level));
    return (stream: Duplex): void => void http.emit("connection", stream);
  };
  const [plain, basic, advanced, tls] = (["plaintext", "basic", "advanced", "tls"] as const).map(
    serve,
  ) as [
    (stream: Duplex) => void,
    (stream: Duplex) => void,
    (stream: Duplex) => void,
    (stream: Duplex) => void,
  ];
  const certificates = createTlsAcceptor({
    identity: authority.central,
    clientRootsPem: rootsPem(certificatesFromPem(authority.rootPem)),
    judgeClient: createClientJudge({
      trustDomain: "fleet.test",
      roots: () => certificatesFromPem(authority.rootPem),
      isRevoked: () => false,
      now: Date.now,
    }),
    handshakeTimeoutMs: TIMEOUT_MS,
    now: Date.now,
    onSecured: (socket) => tls(socket),
    onFailed,
  });
  const key = { name: "legacy", version: 1 };
  const findKeys = ({ name }: { readonly name: string }) =>
    name === key.name ? [{ ...key, psk: basicPsk(sharedKey) }] : [];
  const server = createOpeningPort({
    openingTimeoutMs: TIMEOUT_MS,
    maxConnections: 100,
    accepts: (level) => accepted.includes(level),
    explain: (level) => ({
      code: "policy.level_refused",
      text: `This port does not accept ${level}.`,
      remedy: "Use mtls.",
    }),
    plain: { emit: (_event, socket) => (plain(socket), true) },
    certificates: certificates.server,
    advanced: createAdvancedAcceptor({
      findKey: ({ name }) => (name === key.name ? { ...key, sharedKey } : undefined),
      handshakeTimeoutMs: TIMEOUT_MS,
      now: Date.now,
      onSecured: (stream) => advanced(stream),
      onFailed,
    }),
    basic: {
      emit: (_event, socket: Socket) => {
        acceptBasic(socket, {
          findKeys,
          address: "caller",
          timeoutMs: TIMEOUT_MS,
          now: Date.now,
        }).then(({ stream }) => basic(stream), onFailed);
        return true;
      },
    },
    onFailed,
  });
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures,
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
