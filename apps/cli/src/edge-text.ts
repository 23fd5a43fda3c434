import { rowOf, rowsOf, textOf, type Row } from "./row.ts";
import type { PageLine } from "./table.ts";
import { timeAndDistance } from "./time-text.ts";

const LOSS_TEXTS = new Map([
  ["full", "there was no room to keep them, which their program was told"],
  ["disk", "the disk took no more, which their program was told"],
  ["busy", "too many were under way, which their program was told"],
  ["age", "they became too old before anybody took them"],
  ["damage", "what was kept of them is damaged"],
  ["unreadable", "the file they were kept in could not be read"],
  ["refused", "they were refused when they were sent again"],
]);

/**
 * Says in words why an edge lost calls.
 *
 * @param reason as the edge names it; one of a later version stays as it is
 */
export function lossText(reason: string): string {
  return LOSS_TEXTS.get(reason) ?? reason;
}

/**
 * Lays out how an agent's edge fares, by its own status: where telemetry of this host's programs comes in and goes out, by which
 * certificate, what is kept, and what was lost of whom.
 *
 * @param edge of the agent's status; empty where it has none
 * @param nowMs milliseconds since 1970
 */
export function edgeStatusLines(edge: Row, nowMs: number): readonly PageLine[] {
  if (edge["listen"] === undefined) return [];
  const store = rowOf(edge, "store");
  const [listen, calls, failed, sent, received, kept, delivered] = [
    "listen",
    "calls",
    "failed",
    "sentBytes",
    "receivedBytes",
    "kept",
    "delivered",
  ].map((key) => textOf(edge, key));
  const place = edge["listening"] === true ? `at ${listen}` : `does not listen at ${listen}`;
  const bytes = `${sent} bytes sent, ${received} received`;
  const counts = `${textOf(edge, "connections")} connections, ${calls} calls, ${failed} failed, ${bytes}`;
  const waiting = `${textOf(store, "calls")} calls in ${textOf(store, "bytes")} bytes`;
  return [
    ["edge", `${place}: ${counts}`],
    ...rowsOf(edge, "onward").map((way): PageLine => {
      const words = [textOf(way, "state"), textOf(way, "error")].filter(Boolean).join(": ");
      return ["edge to", `${textOf(way, "name")} ${words}`];
    }),
    ["edge's certificate", certificateText(rowOf(edge, "files"), nowMs)],
    ["edge keeps", `${waiting}; ${kept} were kept since the start, ${delivered} delivered`],
    ["edge set aside", asideText(store["aside"])],
    ...rowsOf(store, "losses").map((loss): PageLine => {
      const [client, reason, lost] = ["client", "reason", "calls"].map((key) => textOf(loss, key));
      return ["edge lost", `${lost} calls of ${client}: ${lossText(reason ?? "")}`];
    }),
    ["edge's last trouble", troubleText(rowOf(edge, "trouble"))],
  ];
}

/** What is shown to receivers that the environment names; nothing is said where calls go to central. */
function certificateText(files: Row, nowMs: number): string | undefined {
  if (files["level"] === undefined) return undefined;
  const certificate = rowOf(files, "certificate");
  const problem = textOf(rowOf(files, "problem"), "text");
  const shown =
    certificate["notAfter"] === undefined
      ? "none is shown (level tls)"
      : `${textOf(certificate, "subject")}, ends ${timeAndDistance(certificate["notAfter"], nowMs)}`;
  return problem === "" ? shown : `${shown}\nnot in use: ${problem}`;
}

function asideText(files: unknown): string | undefined {
  if (typeof files !== "number" || files === 0) return undefined;
  return `${files} ${files === 1 ? "file" : "files"} of kept calls that could not be read`;
}

function troubleText(trouble: Row): string | undefined {
  if (trouble["code"] === undefined) return undefined;
  return `${textOf(trouble, "code")} at ${textOf(trouble, "at")}: ${textOf(trouble, "text")}`;
}

/**
 * Lays out what an agent told central of its edge last.
 *
 * @param edge as central shows it; empty where the agent has none, or never said so
 * @param nowMs milliseconds since 1970
 */
export function toldEdgeLines(edge: Row, nowMs: number): readonly PageLine[] {
  if (edge["toldAt"] === undefined) return [];
  const [calls, failed, kept, delivered, waiting, bytes] = [
    "calls",
    "failed",
    "kept",
    "delivered",
    "waitingCalls",
    "waitingBytes",
  ].map((key) => textOf(edge, key));
  const state = edge["listening"] === true ? "listens" : "does not listen";
  const told = `told ${timeAndDistance(edge["toldAt"], nowMs)}`;
  const trouble = rowOf(edge, "trouble");
  return [
    ["edge", `${state}, ${calls} calls, ${failed} failed; ${told}`],
    ...rowsOf(edge, "places").map((place): PageLine => {
      const words = [textOf(place, "state"), textOf(place, "code")].filter(Boolean).join(": ");
      return ["edge to", `${textOf(place, "name")} ${words}`];
    }),
    ["edge keeps", `${waiting} calls in ${bytes} bytes; ${kept} were kept, ${delivered} delivered`],
    ...rowsOf(edge, "losses").map((loss): PageLine => {
      return ["edge lost", `${textOf(loss, "calls")} calls: ${lossText(textOf(loss, "reason"))}`];
    }),
    ["edge lost last", timeAndDistance(edge["lostAt"], nowMs) || undefined],
    [
      "edge's last trouble",
      trouble["code"] === undefined
        ? undefined
        : `${textOf(trouble, "code")} at ${textOf(trouble, "at")}`,
    ],
  ];
}
