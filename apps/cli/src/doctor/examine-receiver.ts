import type { AdminClient } from "../client.ts";
import { rowsOf, textOf, type Row } from "../row.ts";
import { timeAndDistance } from "../time-text.ts";
import type { Finding } from "./finding.ts";

/** What central knows of telemetry. */
export interface ReceiverFacts {
  readonly backends: readonly Row[];
  /** What it has seen within a day. */
  readonly seen: Row;
  readonly listeners: readonly Row[];
}

const DAY_MS = 86_400_000;
const SOON_MS = 7 * DAY_MS;
/** So many backends that no call has needed yet are tried. */
const MOST_TRIED = 16;
/** Of claims that are not allowed, the newest are named. */
const MOST_CLAIMS = 10;

/**
 * Asks central about telemetry; backends that no call has needed yet are connected to, so that it is known how they are.
 *
 * @param client of central
 */
export async function askReceiver(client: AdminClient): Promise<Omit<ReceiverFacts, "listeners">> {
  const listed = await client.list({ path: ["backends"] });
  const idle = listed.filter((row) => placesOf(row).every(({ state }) => state === "idle"));
  const tried = new Map<string, Row>();
  const names = idle.slice(0, MOST_TRIED).map((row) => textOf(row, "name"));
  await Promise.all(
    names.map(async (name) => {
      const target = { path: ["backends", name], query: { check: "true" } };
      tried.set(name, await client.get(target));
    }),
  );
  const backends = listed.map((row) => tried.get(textOf(row, "name")) ?? row);
  return { backends, seen: await client.get({ path: ["receiver"] }) };
}

/**
 * Names what keeps telemetry from its backends, and what lets it through as it should not be (SWP-5): each with its cause in words.
 *
 * @param facts as central tells them
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 */
export function examineReceiver(
  { backends, seen, listeners }: ReceiverFacts,
  nowMs: number,
): readonly Finding[] {
  return [
    ...backends.flatMap(examineBackend),
    ...listeners.filter(({ name }) => name === "receiver-plaintext").flatMap(examinePlaintext),
    ...rowsOf(seen, "tokens").flatMap((token) => examineToken(token, nowMs)),
    ...rowsOf(seen, "refusals").flatMap((refusal) => examineRefusal(refusal, nowMs)),
    ...newestOf(rowsOf(seen, "claims")).flatMap((claim) => examineClaim(claim, nowMs)),
  ];
}

/** Names are the callers' to make up: a page of them hides everything else. */
function newestOf(claims: readonly Row[]): readonly Row[] {
  return claims
    .toSorted((left, right) => textOf(right, "lastAt").localeCompare(textOf(left, "lastAt")))
    .slice(0, MOST_CLAIMS);
}

function placesOf(backend: Row): readonly Row[] {
  return rowsOf(backend, "places");
}

function examineBackend(backend: Row): readonly Finding[] {
  const places = placesOf(backend);
  if (places.length === 0 || !places.every(({ state }) => state === "out")) return [];
  const name = textOf(backend, "name");
  const reasons = places.map((place) => `${textOf(place, "target")}: ${textOf(place, "error")}`);
  return [
    {
      severity: "error",
      what: `Backend '${name}' cannot be reached: ${reasons.join(" ")}`,
      where: `backend ${name}`,
      why: "Every call for it is answered with 14 UNAVAILABLE or 503; programs without an edge lose what they send.",
      remedy: `Look whether it runs and lets central in; 'tautline backends show ${name}' tries it again. If it moved: 'tautline backends remove ${name}' and add it anew.`,
    },
  ];
}

function examinePlaintext(listener: Row): readonly Finding[] {
  const { addresses } = listener;
  const open = Array.isArray(addresses) ? addresses.map(String).filter(isReached) : [];
  if (open.length === 0) return [];
  return [
    {
      severity: "warning",
      what: "Telemetry is accepted in plaintext from other hosts",
      where: open.join(", "),
      why: "Whoever is on the way reads and changes it, and a token that is shown there is exposed.",
      remedy:
        "'tautline links list --kind receiver' names who still sends so. Let them dial the secure port or the edge of an agent on their host, then " +
        "'tautline listeners set receiver-plaintext --bind off'.",
    },
  ];
}

/** Nobody listens in on the way inside one host. */
function isReached(address: string): boolean {
  return !/^(?:127\.|\[::1\])/.test(address);
}

function examineToken(token: Row, nowMs: number): readonly Finding[] {
  const endMs = Date.parse(textOf(token, "expiresAt"));
  if (endMs - nowMs > SOON_MS) return [];
  const client = textOf(token, "client");
  return [
    {
      severity: "warning",
      what: `A token that is used ends ${timeAndDistance(token["expiresAt"], nowMs)}`,
      where: `client ${client}, token ${textOf(token, "id")}`,
      why: "From then on its programs are refused, and their connections ended.",
      remedy: `'tautline clients rotate ${client}' makes another; both are good until this one ends. Give it to the programs.`,
    },
  ];
}

/** What is no fault of a caller, or has a finding of its own. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "receiver.claim_refused",
  "receiver.claim_unreadable",
  "receiver.backend_unreachable",
  "receiver.backend_changed",
  "central.stopping",
]);
const WHAT: Readonly<Record<string, string>> = {
  "receiver.token_ended": "A token that has ended is still tried",
  "receiver.token_exposed": "A token was shown in plaintext, and ended",
  "pki.chain_untrusted": "Callers of telemetry show certificates of another authority",
};

function examineRefusal(refusal: Row, nowMs: number): readonly Finding[] {
  const code = textOf(refusal, "code");
  if (ELSEWHERE.has(code)) return [];
  const [count, what] = [Number(refusal["count"]), WHAT[code] ?? "Telemetry was refused"];
  const times = count === 1 ? "once" : `${count} times`;
  return [
    {
      severity: "warning",
      what: `${what} (${code}), ${times}, the last time ${timeAndDistance(refusal["lastAt"], nowMs)}`,
      where: `telemetry from ${textOf(refusal, "from")}`,
      why: textOf(refusal, "sentence"),
      remedy: textOf(refusal, "remedy"),
    },
  ];
}

function examineClaim(claim: Row, nowMs: number): readonly Finding[] {
  const [who, claimed] = [textOf(claim, "claimant"), textOf(claim, "claimed")];
  const isRefused = claim["refused"] === true;
  const isUnreadable = claimed.startsWith("unreadable");
  const what = isUnreadable
    ? `Of telemetry of ${who} it cannot be told who it claims to be from (${claimed})`
    : `Telemetry of ${who} claims to be ${claimed}, which it may not`;
  return [
    {
      severity: "warning",
      what: `${what}; the last time ${timeAndDistance(claim["lastAt"], nowMs)}`,
      where: `backend ${textOf(claim, "backend")}, ${who}`,
      why: isRefused
        ? "It was refused: the backend has none of it."
        : "It went through: whoever reads it takes it for what it says.",
      remedy: isUnreadable
        ? "The reason says what central cannot read. Give what sends so a backend of its own, with --route and without --claims."
        : `If the name is right: 'tautline clients allow ${who} --service …' (it stands in place of what 'tautline clients allowed' shows). Else set the right one in the program, or find out who has its token or certificate.`,
    },
  ];
}
