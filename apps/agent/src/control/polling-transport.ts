import { postMessage, provenOrClosed, refusalFromAnswer, type SecuredSocket } from "@tautline/link";
import { LIMITS, toTautlineError, type TautlineError } from "@tautline/protocol";
import { OPAMP_PATH } from "./opamp-path.ts";
import type { ControlTransport, OpenTransport } from "./transport.ts";

/** How long a goodbye may take when the agent stops. */
const CLOSE_TIMEOUT_MS = 2_000;

const MESSAGE_HEADERS = {
  "Content-Type": "application/x-protobuf",
  // Without this an HTTP server may choose any encoding (RFC 9110 section 12.5.3).
  "Accept-Encoding": "identity",
};

/**
 * OpAMP over plain HTTP (opamp-spec 0.18, HTTP transport): each message a POST, each answer its response; one request at a
 * time. The connection is kept between requests and dialled anew, at the same level, when central closed it.
 *
 * @throws link.* codes
 */
export const openPollingTransport: OpenTransport = async ({
  address,
  dial,
  events,
  signal,
  headers = {},
  askTime,
}) => {
  let link: SecuredSocket = await dial(address, signal);
  let proof = await provenOrClosed(link, { address, path: OPAMP_PATH, signal });
  const stop = new AbortController();
  let inFlight: Promise<void> = Promise.resolve();
  let isClosed = false;

  const end = (error: TautlineError | undefined): void => {
    if (isClosed) return;
    isClosed = true;
    link.socket.destroy();
    events.onClosed(error);
  };
  const post = async (body: Uint8Array): Promise<void> => {
    if (isClosed) return;
    if (isOver(link)) {
      link = await dial(address, stop.signal);
      proof = await provenOrClosed(link, { address, path: OPAMP_PATH, signal: stop.signal });
    }
    const question = askTime?.();
    const answer = await postMessage({
      socket: link.socket,
      path: OPAMP_PATH,
      host: address,
      headers: { ...headers, ...proof, ...question?.headers, ...MESSAGE_HEADERS },
      body,
      maxBytes: LIMITS.opampMessageBytes.value,
      signal: stop.signal,
    });
    question?.answered(answer.headers);
    if (answer.status !== 200) throw refusalFromAnswer(answer, address);
    events.onMessage(answer.body);
  };
  const transport: ControlTransport = {
    address,
    get evidence() {
      return link.evidence;
    },
    send(bytes) {
      inFlight = inFlight
        .then(() => post(bytes))
        .catch((error: unknown) => end(toTautlineError(error)));
    },
    async close() {
      const cut = setTimeout(() => stop.abort(), CLOSE_TIMEOUT_MS);
      await inFlight;
      clearTimeout(cut);
      end(undefined);
    },
  };
  return transport;
};

/** A stream whose directions end by themselves is closed here once the other end has ended its own. */
function isOver({ socket }: SecuredSocket): boolean {
  if (socket.readableEnded) socket.destroy();
  return socket.destroyed;
}
