import type { CallHead, CallVerdict, HeldBytes, MessageLook } from "@tautline/link";
import { type Level, type LinkPolicy, TautlineError, toTautlineError } from "@tautline/protocol";
import { errorForPeer } from "../control/peer-error.ts";
import type { RefusedCaller, Refusals } from "../control/refusals.ts";
import type { Herd } from "../herd/herd.ts";
import type { Backend } from "./backend.ts";
import type { BackendUpstreams } from "./backend-upstreams.ts";
import { judgeCall } from "./call-rule.ts";
import {
  namespaceOfCall,
  type ReceiverDoor,
  type ReceiverLink,
  type ShownToken,
} from "./caller.ts";
import { lookAtClaims } from "./claims/claim-look.ts";
import type { ClaimReport } from "./claims/claim-report.ts";
import { claimantsOf } from "./claims/claimant.ts";
import type { ClientStore } from "./client-store.ts";
import { type LiveReceiverLink, MOST_USES, noteClaimed, noteUse } from "./link-table.ts";
import { shownUserAgent, shownVersion } from "./link-view.ts";
import { type FoundToken, metadataOf, strippedHeaders, tokensIn } from "./metadata-rule.ts";
import type { ReceiverBook } from "./receiver-book.ts";
import { backendFor } from "./route-rule.ts";
import type { Sightings } from "./sightings.ts";

/** By what calls are judged. */
export interface CallJudgeDeps {
  readonly book: ReceiverBook;
  readonly upstreams: Pick<BackendUpstreams, "of">;
  readonly clients: Pick<ClientStore, "revoke">;
  /** Levels that are accepted at a door now. */
  readonly doors: (door: ReceiverDoor) => readonly Level[];
  /** What is asked of receiver links in a namespace now. */
  readonly policyOf: (namespace: string) => LinkPolicy;
  readonly sources: Pick<Herd["sources"], "waitMs" | "failed">;
  readonly refusals: Pick<Refusals, "note">;
  readonly claims: ClaimReport;
  /** Of messages that are looked at. */
  readonly held: HeldBytes;
  readonly sightings: Pick<Sightings, "used">;
  readonly isStopping: () => boolean;
  readonly now: () => number;
}

/** A connection as a call finds it. */
export interface JudgedConnection {
  /** Resolves when `live` is there; rejects with the refusal. */
  readonly ready: Promise<ReceiverLink>;
  readonly live: LiveReceiverLink | undefined;
}

/**
 * Makes the judge of calls: by link, token, route, level and policy, as all of these are when the call comes.
 *
 * @param deps what there is, and who is told
 * @returns as a carrier asks it; never throws
 */
export function judgeOf(
  deps: CallJudgeDeps,
): (head: CallHead, connection: JudgedConnection) => Promise<CallVerdict> {
  return async (head, connection) => {
    let link: ReceiverLink | undefined;
    try {
      if (deps.isStopping()) throw new TautlineError("central.stopping");
      link = await connection.ready;
      return await admitCall(deps, head, { link, live: connection.live });
    } catch (thrown) {
      const error = toTautlineError(thrown);
      // Who could not be identified was noted then, and not with each of its calls.
      if (link !== undefined) await deps.refusals.note(error, refusedCaller(link, error));
      // It would be told the same with each call: a source that is counted out gets no more of a connection than that.
      if (error.code === "admission.source_limited") connection.live?.carried.end(error);
      // The receiver's own are written for callers, whatever their status.
      return { refusal: error.code.startsWith("receiver.") ? error : errorForPeer(error) };
    }
  };
}

async function admitCall(
  deps: CallJudgeDeps,
  head: CallHead,
  { link, live }: { readonly link: ReceiverLink; readonly live: LiveReceiverLink | undefined },
): Promise<CallVerdict> {
  const { book, upstreams, doors, policyOf } = deps;
  const protocol = head.isGrpc ? "grpc" : "http";
  const demands = backendFor(book.backends(), { path: head.path, protocol });
  const found = tokensIn(head.headers);
  const token = proveAll(deps, link, found);
  const accepted = doors(link.door);
  const refusal = judgeCall({ link, token, demands, accepted, policyOf });
  if (refusal !== undefined) {
    if (refusal.isExposed) await endExposed(deps, token);
    throw refusal.error;
  }
  if (token.kind === "proven") deps.sightings.used(token.client.tokenId);
  const to = upstreams.of(demands.name);
  if (to === undefined) {
    throw new TautlineError("receiver.backend_changed", { detail: { name: demands.name } });
  }
  if (live !== undefined) {
    live.heardMs = deps.now();
    live.userAgent = shownUserAgent(head.headers["user-agent"]);
    live.version ??= shownVersion(String(head.headers["agent-version"] ?? ""));
    if (!noteUse(live, { backend: demands.name, token })) {
      throw new TautlineError("receiver.too_many_uses", { detail: { limit: MOST_USES } });
    }
  }
  const verdict = { to, set: metadataOf(link, token), strip: strippedHeaders(found) };
  const look = lookOf(deps, head, { link, live, token, demands });
  return look === undefined ? verdict : { ...verdict, look };
}

interface AdmittedCall {
  readonly link: ReceiverLink;
  readonly live: LiveReceiverLink | undefined;
  readonly token: ShownToken;
  readonly demands: Pick<Backend, "name" | "claims">;
}

/** A backend that does not ask who messages claim to be from costs nothing: nobody looks at them. */
function lookOf(
  deps: CallJudgeDeps,
  head: CallHead,
  { link, live, token, demands }: AdmittedCall,
): MessageLook | undefined {
  const { claims: mode, name: backend } = demands;
  if (mode === "off") return undefined;
  const { identity, remoteAddress } = link;
  const claimants = claimantsOf(identity, token);
  const namespace = namespaceOfCall(identity, token);
  return lookAtClaims({
    head,
    backend,
    mode,
    held: deps.held,
    claimants,
    allowances: () => deps.book.allowancesOf(claimants, namespace),
    onFound: ({ claims, version }) => {
      if (live === undefined) return;
      live.version = shownVersion(version) ?? live.version;
      noteClaimed(live, claims);
    },
    onBeyond: ({ error, claimant, isInMessage }) => {
      deps.claims.note({ error, backend, mode, claimant, remoteAddress });
      // What the head alone tells is thrown, and noted where every refusal is.
      if (mode === "refuse" && isInMessage) {
        void deps.refusals.note(error, refusedCaller(link, error, token));
      }
    },
  });
}

/** Guesses are counted against their source, as on the agents' ports (A20); whoever proved a certificate or a key is nobody's neighbour. */
function proveAll(
  { book, sources }: CallJudgeDeps,
  { identity, remoteAddress }: ReceiverLink,
  found: readonly FoundToken[],
): ShownToken {
  const [first, second] = found;
  if (first === undefined) return { kind: "none" };
  const waitMs = identity.kind === "nobody" ? sources.waitMs(remoteAddress) : undefined;
  if (waitMs !== undefined) {
    const detail = { retryAfterSeconds: Math.ceil(waitMs / 1_000) };
    throw new TautlineError("admission.source_limited", { detail });
  }
  const shown = proveOne(book, first);
  const other = second === undefined ? shown : proveOne(book, second);
  const refused = [shown, other].find(({ kind }) => kind === "refused");
  if (refused?.kind === "refused" && refused.error.code === "receiver.token_unknown") {
    sources.failed(remoteAddress);
  }
  if (refused !== undefined) return refused;
  // Two tokens of two clients: nobody can be both.
  const isOne =
    shown.kind === "proven" && other.kind === "proven" && shown.client.name === other.client.name;
  return isOne ? shown : { kind: "refused", error: new TautlineError("receiver.token_unknown") };
}

function proveOne(book: CallJudgeDeps["book"], { token }: FoundToken): ShownToken {
  if (token !== undefined) return book.prove(token);
  return { kind: "refused", error: new TautlineError("receiver.token_unknown") };
}

/** Whoever listened has it: it is ended before its holder is told so. */
async function endExposed({ clients }: CallJudgeDeps, token: ShownToken): Promise<void> {
  if (token.kind !== "proven") return;
  const { name, tokenId: id } = token.client;
  await clients.revoke({ name, id, actor: "central", why: "seen in plaintext" });
}

function refusedCaller(
  { evidence, remoteAddress, identity }: ReceiverLink,
  { code, detail }: TautlineError,
  token?: ShownToken,
): RefusedCaller {
  const name =
    code === "receiver.token_ended"
      ? detail["name"]
      : token?.kind === "proven"
        ? token.client.name
        : undefined;
  return {
    evidence,
    remoteAddress,
    linkKind: "receiver",
    provenId: identity.kind === "agent" ? identity.id : undefined,
    ...(typeof name === "string" && { client: { name } }),
  };
}
