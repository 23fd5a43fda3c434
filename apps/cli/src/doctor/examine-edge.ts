import { ERROR_CATALOGUE, isErrorCode } from "@tautline/protocol";
import { lossText } from "../edge-text.ts";
import { rowOf, rowsOf, textOf, type Row } from "../row.ts";
import { timeAndDistance } from "../time-text.ts";
import { examineCertificate } from "./examine-certificates.ts";
import type { Finding } from "./finding.ts";

/** Losses that are older than this were dealt with, or are not to be mended. */
const LATELY_MS = 24 * 3_600_000;

const NO_WAY =
  "Telemetry of the host's programs goes nowhere: what may be kept is kept until there is no room, everything else is refused.";
const NOT_LISTENING =
  "Programs of this host cannot send their telemetry, and most throw it away at once.";

/** A place that an edge sends to, and what to do where it is out. */
type Way = readonly [place: Row, remedy: string];

/** What to do so that it does not happen again, by reason. */
const LOSS_REMEDIES = new Map([
  ["full", "Raise 'edge.store.maxBytes' in agent.yaml to outlast such an outage."],
  [
    "disk",
    "Make room on the disk of the agent's data folder, and see that it belongs to its user.",
  ],
  ["busy", "Raise 'edge.maxInFlight' in agent.yaml, or let the programs send smaller batches."],
  ["age", "Raise 'edge.store.maxAge' in agent.yaml to outlast such an outage."],
  ["damage", "Have the disk checked; the agent's log names file and place."],
  [
    "unreadable",
    "See who changed owner or mode of the files in the folder of the edge's store, and have the disk checked.",
  ],
  ["refused", "Look in the log of central or of the backend why kept calls are refused."],
]);

/**
 * Judges what a running agent says of its own edge (SWP-5).
 *
 * @param edge of the agent's status; empty where it has none
 * @param folder the agent's data folder
 * @param nowMs milliseconds since 1970
 */
export function judgeOwnEdge(edge: Row, folder: string, nowMs: number): readonly Finding[] {
  if (edge["listen"] === undefined) return [];
  const where = `edge of the agent in ${folder}`;
  const ways = rowsOf(edge, "onward").map((way): Way => [way, textOf(way, "error")]);
  const store = rowOf(edge, "store");
  const files = rowOf(edge, "files");
  const certificate = rowOf(files, "certificate");
  return [
    ...judgeListening(edge, where),
    ...judgeWays(ways, where),
    ...judgeFiles(rowOf(files, "problem"), where),
    ...(certificate["notAfter"] === undefined
      ? []
      : examineCertificate(
          {
            name: `certificate that the ${where} shows`,
            notAfter: certificate["notAfter"],
            isAuthority: false,
          },
          nowMs,
        )),
    ...judgeAside(store["aside"], where),
    ...judgeLosses(lossesOf(rowsOf(store, "losses")), where, undefined),
  ];
}

/**
 * Judges what agents told central of their edges (SWP-9): who lost telemetry lately, and whose edge cannot reach anything.
 *
 * @param agent as central lists it
 * @param nowMs milliseconds since 1970
 */
export function examineToldEdge(agent: Row, nowMs: number): readonly Finding[] {
  const edge = rowOf(agent, "edge");
  if (edge["toldAt"] === undefined || agent["state"] === "revoked") return [];
  const where = `edge of agent ${textOf(agent, "id")} (${textOf(agent, "name")})`;
  const { code } = rowOf(edge, "trouble");
  const ways = rowsOf(edge, "places").map((way): Way => [way, codeText(way["code"])]);
  return [
    ...(edge["listening"] === false
      ? [notListening(where, codeText(code) || "Its host's 'tautline agent status' says why.")]
      : []),
    ...judgeWays(ways, where),
    ...judgeToldLosses(edge, where, nowMs),
  ];
}

function judgeListening(edge: Row, where: string): readonly Finding[] {
  if (edge["listening"] === true) return [];
  const trouble = rowOf(edge, "trouble");
  const [text, remedy] = [textOf(trouble, "text"), textOf(trouble, "remedy")];
  return [notListening(`${where}, ${textOf(edge, "listen")}`, `${text} ${remedy}`.trim())];
}

function notListening(where: string, remedy: string): Finding {
  return {
    severity: "error",
    what: "The edge does not listen",
    where,
    why: NOT_LISTENING,
    remedy: remedy || "'tautline agent status' lists the latest errors.",
  };
}

function judgeWays(ways: readonly Way[], where: string): readonly Finding[] {
  const out = ways.filter(([way]) => way["state"] === "out");
  const isDead = out.length > 0 && out.length === ways.length;
  return out.map(([way, remedy]) => ({
    severity: isDead ? "error" : "warning",
    what: `The edge cannot reach ${textOf(way, "name")}`,
    where,
    why: isDead
      ? NO_WAY
      : "Telemetry takes the next place; when that fails as well, there is none.",
    remedy,
  }));
}

function judgeFiles(problem: Row, where: string): readonly Finding[] {
  if (problem["code"] === undefined) return [];
  return [
    {
      severity: "error",
      what: `New certificate files are not in use: ${textOf(problem, "text")}`,
      where,
      why: "The edge goes on with those that were there before, which end.",
      remedy: textOf(problem, "remedy"),
    },
  ];
}

function judgeAside(files: unknown, where: string): readonly Finding[] {
  if (typeof files !== "number" || files === 0) return [];
  return [
    {
      severity: "error",
      what: `Kept telemetry cannot be read: ${files} ${files === 1 ? "file is" : "files are"} set aside`,
      where,
      why: "The calls in it were acknowledged to their programs, and count as lost.",
      remedy:
        "The agent's log names each: give it to the agent's user (mode 0600) and start the agent anew, which sends what it can read; remove what cannot be saved.",
    },
  ];
}

function judgeToldLosses(edge: Row, where: string, nowMs: number): readonly Finding[] {
  const { lostAt } = edge;
  if (typeof lostAt !== "string" || nowMs - Date.parse(lostAt) > LATELY_MS) return [];
  return judgeLosses(lossesOf(rowsOf(edge, "losses")), where, timeAndDistance(lostAt, nowMs));
}

function lossesOf(losses: readonly Row[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const loss of losses) {
    const [reason, calls] = [textOf(loss, "reason"), Number(loss["calls"])];
    sums.set(reason, (sums.get(reason) ?? 0) + calls);
  }
  return sums;
}

/** One finding an edge: an outage loses for several reasons at once. */
function judgeLosses(
  losses: ReadonlyMap<string, number>,
  where: string,
  last: string | undefined,
): readonly Finding[] {
  if (losses.size === 0) return [];
  const parts = [...losses].map(([reason, calls]) => `${calls} because ${lossText(reason)}`);
  const when = last === undefined ? "" : `, last ${last}`;
  return [
    {
      severity: "warning",
      what: `The edge has lost telemetry${when}: ${parts.join("; ")}`,
      where,
      why: "Those calls are in no backend; counts are of all runs of the edge.",
      remedy: [...losses.keys()]
        .map((each) => LOSS_REMEDIES.get(each) ?? "")
        .join(" ")
        .trim(),
    },
  ];
}

/** What to do about an error that only its code is known of; a remedy that names an address or a file would have gaps. */
function codeText(code: unknown): string {
  if (typeof code !== "string" || code === "") return "";
  const onHost = "'tautline agent status' on its host says more.";
  const remedy = isErrorCode(code) ? ERROR_CATALOGUE[code].remedy : "";
  return remedy === "" || remedy.includes("{")
    ? `${code}: ${onHost}`
    : `${code}: ${remedy} ${onHost}`;
}
