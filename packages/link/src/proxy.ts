import { request, type IncomingMessage } from "node:http";
import type { LookupFunction, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TautlineError, isTautlineError, printableText } from "@tautline/protocol";
import { formatHostPort, type HostPort } from "./addresses.ts";
import { unreachableReason } from "./tls-failure.ts";

/** An HTTP proxy that connects further by CONNECT (RFC 9110 section 9.3.6). */
export interface Proxy extends HostPort {
  /** Value of Proxy-Authorization; a secret, never logged. */
  readonly authorization?: string;
}

/** A proxy answers CONNECT with a status and a few headers; longer ones end the connection before they are kept. */
export const LARGEST_PROXY_ANSWER_BYTES = 8 * 1024;
/** Of what a proxy says, so much is shown to people. */
const REASON_CHARACTERS = 120;

/**
 * Reads where a proxy is: `http://host:port`, or `host:port` as many write it.
 *
 * @param text the address; with `user:password@` in it, that becomes the login
 * @param setting its name, for people; the text itself may hold a secret and is not repeated
 * @throws link.proxy_setting
 */
export function parseProxy(text: string, setting: string): Proxy {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  const refuse = (reason: string): TautlineError =>
    new TautlineError("link.proxy_setting", { detail: { setting, reason } });
  if (url === null) throw refuse("it is not a URL");
  if (url.protocol !== "http:")
    throw refuse("only proxies that are spoken to by http:// are known");
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw refuse("there is something behind the port");
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 80 : Number(url.port);
  if (url.username === "" && url.password === "") return { host, port };
  const [user, password] = [url.username, url.password].map(percentDecoded);
  if (user === undefined || password === undefined) throw refuse("its login is not readable");
  return { host, port, authorization: basicAuthorization(user, password) };
}

/**
 * Writes a login for a proxy (RFC 7617).
 *
 * @param user without a colon
 * @param password any text
 */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

/** How a tunnel is opened. */
export interface TunnelOptions {
  readonly proxy: Proxy;
  readonly target: HostPort;
  /** Aborts the try. */
  readonly signal: AbortSignal;
  readonly lookup?: LookupFunction | undefined;
}

/**
 * Asks a proxy for a connection to an address. What goes through it is readable to the proxy, so TLS must come inside, and is
 * proven there as on any other connection.
 *
 * @returns the connection, over which nothing was said to the target yet
 * @throws link.proxy_unreachable, link.proxy_login, link.proxy_refused, link.proxy_malformed
 */
export function openTunnel({ proxy, target, signal, lookup }: TunnelOptions): Promise<Duplex> {
  const authority = formatHostPort(target.host, target.port);
  const about = { proxy: formatHostPort(proxy.host, proxy.port), address: authority };
  return new Promise((resolve, reject) => {
    const asking = request({
      method: "CONNECT",
      host: proxy.host,
      port: proxy.port,
      path: authority,
      headers: {
        Host: authority,
        ...(proxy.authorization !== undefined && { "Proxy-Authorization": proxy.authorization }),
      },
      agent: false,
      maxHeaderSize: LARGEST_PROXY_ANSWER_BYTES,
      signal,
      ...(lookup !== undefined && { lookup }),
    });
    asking.on("connect", (answer, socket: Socket, head) => {
      // A reset must not end the process before TLS listens.
      socket.on("error", () => socket.destroy());
      const refusal = refusalOf(answer, head, about);
      if (refusal === undefined) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(refusal);
    });
    asking.on("response", (answer) => {
      answer.destroy();
      reject(malformed(about, "it answered something else than was asked"));
    });
    asking.on("error", (error) => reject(nameFailure(error, about)));
    asking.end();
  });
}

interface About extends Record<string, string> {
  readonly proxy: string;
  readonly address: string;
}

function refusalOf(answer: IncomingMessage, head: Buffer, about: About): TautlineError | undefined {
  const { statusCode: status = 0, statusMessage = "", headers } = answer;
  if (status === 407) {
    const asked = printableText(
      headers["proxy-authenticate"] ?? "it names no way",
      REASON_CHARACTERS,
    );
    return new TautlineError("link.proxy_login", { detail: { ...about, asked } });
  }
  if (status < 200 || status > 299) {
    const reason = printableText(statusMessage, REASON_CHARACTERS);
    return new TautlineError("link.proxy_refused", { detail: { ...about, status, reason } });
  }
  // TLS is begun by us: whoever speaks before we do is not the server we asked for.
  return head.length > 0 ? malformed(about, "it spoke before it was spoken to") : undefined;
}

function nameFailure(error: unknown, about: About): TautlineError {
  if (isTautlineError(error)) return error;
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  const text = typeof code === "string" ? code : "unknown cause";
  if (text === "HPE_HEADER_OVERFLOW") {
    const reason = `its headers have more than ${LARGEST_PROXY_ANSWER_BYTES} bytes`;
    return malformed(about, reason, error);
  }
  if (text.startsWith("HPE_")) return malformed(about, "it is not HTTP", error);
  const reason = unreachableReason(text) ?? (text === "ECONNRESET" ? "it hung up" : text);
  return new TautlineError("link.proxy_unreachable", {
    detail: { ...about, reason },
    cause: error,
  });
}

function malformed(about: About, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("link.proxy_malformed", { detail: { ...about, reason }, cause });
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
