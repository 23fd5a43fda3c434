import type { PeerOffer } from "@tautline/protocol";
import type { Paint } from "../output.ts";
import { renderPage, type PageLine } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";
import type { CertificateFacts } from "./certificate-facts.ts";
import type { LevelReport } from "./level-report.ts";
import type { EndReport, HandshakeReport } from "./end-report.ts";

/**
 * Renders what another end accepts, for people.
 *
 * @param report what was seen
 * @param nowMs milliseconds since the epoch
 * @param paint for the names
 */
export function renderEnd(report: EndReport, nowMs: number, paint: Paint): string {
  return renderPage(
    [
      ["address", report.address],
      [
        "says it is",
        report.offers === null ? "nothing that can be read" : offerText(report.offers),
      ],
      ...report.levels.map((level): PageLine => [level.level, levelText(level)]),
      ["to connect", report.settings.agent ?? undefined],
      ["to accept more", report.settings.central ?? undefined],
      ["TLS 1.3", handshakeText(report.tls13)],
      ["TLS 1.2", handshakeText(report.tls12)],
      ["groups", report.groups.join(", ") || "none accepted"],
      ["client certificate", certificateText(report.asksForCertificate)],
      ...report.chain.map((facts, index): PageLine => [
        index === 0 ? "certificate" : "issued by",
        chainText(facts, nowMs),
      ]),
      ["without a login", report.httpAnswer ?? undefined],
      ["clock", clockText(report.clockOffsetMs)],
    ],
    paint,
  );
}

function offerText({ version, levels }: PeerOffer): string {
  return `Tautline ${version}, accepting ${levels.join(", ") || "no level"}`;
}

/** States stand under one another, so that the eye finds the odd one. */
function levelText({ state, text, remedy }: LevelReport): string {
  const padding = " ".repeat(11);
  const said = remedy === null ? "" : `\n${padding}it says: ${remedy}`;
  return `${state.padEnd(9)}  ${text}${said}`;
}

function handshakeText(handshake: HandshakeReport): string {
  if (!handshake.accepted) return `refused: ${handshake.refusal ?? "no reason"}`;
  return `accepted, ${handshake.cipher ?? "cipher not known"}, ${handshake.group ?? "group not known"}`;
}

function certificateText(asks: boolean | null): string {
  if (asks === null) return "not known";
  return asks ? "asked for" : "not asked for";
}

function chainText(facts: CertificateFacts, nowMs: number): string {
  return [
    facts.names ?? facts.subject,
    `ends ${timeAndDistance(facts.notAfter, nowMs)}, serial ${facts.serial}`,
    facts.isSelfIssued ? `pin ${facts.pin}` : "",
  ]
    .filter(Boolean)
    .join("\n");
}

function clockText(offsetMs: number | null): string {
  if (offsetMs === null) return "could not be read";
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  return seconds <= 1
    ? "agrees with this one"
    : `${seconds} s ${offsetMs > 0 ? "ahead" : "behind"}`;
}
