import {
  explainMismatch,
  formatOffer,
  type Level,
  OFFER_HEADER,
  type PeerOffer,
  readOffer,
  settingOfCentral,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import { AGENT_VERSION } from "../version.ts";
import type { OpenTransport } from "./transport.ts";

/** What the two ends say of themselves over the links of this agent (docs/reference/links.md). */
export interface PeerOffers {
  /** What central said last, of which version and levels it is; undefined until it has. */
  readonly central: PeerOffer | undefined;
  /**
   * Makes a transport say what this agent is with each request, hear what central is, and explain a refusal of its level by both.
   *
   * @param open the transport
   * @param level what this agent is set to
   */
  over(open: OpenTransport, level: Level): OpenTransport;
}

/** Makes the knowledge of offers, empty at first. */
export function createPeerOffers(): PeerOffers {
  let central: PeerOffer | undefined;
  return {
    get central() {
      return central;
    },
    over: (open, level) => async (options) => {
      const own: PeerOffer = { version: AGENT_VERSION, levels: [level] };
      let heard: PeerOffer | undefined;
      const explain = (error: TautlineError): TautlineError =>
        explainRefusal(error, { address: options.address, own, heard });
      const { askTime, events } = options;
      try {
        return await open({
          ...options,
          askTime: () => {
            const question = askTime?.();
            return {
              headers: { ...question?.headers, [OFFER_HEADER]: formatOffer(own) },
              answered: (headers) => {
                question?.answered(headers);
                heard = readOffer(headers[OFFER_HEADER]);
                central = heard ?? central;
              },
            };
          },
          events: {
            onMessage: (bytes) => events.onMessage(bytes),
            onClosed: (error) => events.onClosed(error && explain(error)),
          },
        });
      } catch (error) {
        throw explain(toTautlineError(error));
      }
    },
  };
}

const UPGRADE_REQUIRED = 426;
const CERTIFICATE_NEEDED = "admission.certificate_needed";

/** What is known of both ends of a refused link. */
interface Ends {
  /** "host:port" that was dialled. */
  readonly address: string;
  readonly own: PeerOffer;
  /** What central said of itself with its answer. */
  readonly heard: PeerOffer | undefined;
}

/**
 * Names both offers, and the setting to change at each end, where a link was refused for its level (OVP-1). Whatever central says,
 * nothing here changes what this agent dials next.
 */
function explainRefusal(error: TautlineError, { address, own, heard }: Ends): TautlineError {
  const { code, detail } = error;
  const mismatch = heard && explainMismatch(own, heard);
  // Of a caller without a certificate central cannot know that it has one, and only the offers tell what is to be set.
  const isUncertified = detail["code"] === CERTIFICATE_NEEDED && mismatch !== undefined;
  const isOfLevel = code === "link.level_refused" || detail["status"] === UPGRADE_REQUIRED;
  if (!(isOfLevel || isUncertified) || !code.startsWith("link.")) return error;
  const level = own.levels.join(", ");
  const { reason, remedy } = mismatch ?? untold(error, { address, own, heard });
  const said = { text: detail["text"] ?? error.message, code: detail["code"] ?? code };
  return new TautlineError("agent.level_refused", {
    cause: error,
    detail: { ...said, address, level, reason, remedy },
  });
}

/** Below HTTP central has no place for its version; what it may have said of its levels and of what to do is quoted. */
function untold(
  { detail, cause }: TautlineError,
  { address, own, heard }: Ends,
): { readonly reason: string; readonly remedy: string } {
  const offer = `This agent (version ${own.version}) offers ${own.levels.join(", ")}`;
  const ways = `'central.level' in agent.yaml (or --level) is the setting here`;
  // What an alert means was written at this end; only a sentence of the other end is quoted.
  if (typeof detail["remedy"] === "string" && cause === undefined) {
    return {
      reason: `${offer}; ${heardText(heard)}.`,
      remedy: `${detail["remedy"]} ${ways}.`,
    };
  }
  return {
    reason: `${offer}; central told neither its version nor its levels.`,
    remedy: `Ask 'tautline doctor --to ${address}' what it accepts and choose of that (${ways}), or ${settingOfCentral(own.levels)}.`,
  };
}

/** Both may offer a level, and this port still not take it: another one does. */
function heardText(heard: PeerOffer | undefined): string {
  return heard === undefined
    ? "central did not tell its version"
    : `central (version ${heard.version}) offers ${heard.levels.join(", ")}`;
}
