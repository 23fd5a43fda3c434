import { distanceText, isClockOff } from "@tautline/protocol";
import { findDataFolder } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";
import { offerText } from "../offer-text.ts";
import { asText, rowOf, rowsOf, textOf, type Row } from "../row.ts";
import { renderPage, type PageLine } from "../table.ts";
import { type AuditCheckpoint, checkpointFromJson, parseAuditCheckpoint } from "@tautline/protocol";
import { timeAndDistance, timeText } from "../time-text.ts";

interface StatusOptions {
  readonly data?: string;
}

/** `tautline agent status`: this host's agent by its own words, over its status socket. */
export const showAgentStatus: DefineVerb = (command, context) => {
  command
    .summary("show this host's agent")
    .description(
      "Shows this host's agent: identity, link, vault, certificates, settings and its latest errors.",
    )
    .option("--data <dir>", "the agent's data folder (or TAUTLINE_DATA)")
    .action(async (options: StatusOptions) => {
      const { output, now } = context;
      const { readAgentStatus } = await import("@tautline/agent/main");
      const data = findDataFolder("agent", options.data, context);
      const status: unknown = await readAgentStatus({ data });
      await output.print(status, () => renderPage(statusLines(status as Row, now()), output.paint));
    });
};

/**
 * Lays an agent's status out for people.
 *
 * @param status the agent's status document
 * @param nowMs milliseconds since the epoch
 */
export function statusLines(status: Row, nowMs: number): readonly PageLine[] {
  const central = rowOf(status, "central");
  const link = rowOf(status, "link");
  const vault = rowOf(status, "vault");
  // Without an identity it takes no settings, and is no witness of anybody's trail.
  const isUnproven = status["state"] === "unproven";
  return [
    ["id", textOf(status, "id")],
    ["name", textOf(status, "name")],
    ["namespace", textOf(status, "namespace")],
    ["state", textOf(status, "state")],
    ["approval code", textOf(rowOf(status, "approval"), "code") || undefined],
    ["version", textOf(status, "version")],
    ["running", textOf(status, "running") || undefined],
    ["central", textOf(central, "addresses")],
    ["connected", textOf(central, "connected")],
    ["last answer", timeAndDistance(central["lastAnswerAt"], nowMs) || "never"],
    ["central's clock", clockText(central["clockOffsetSeconds"])],
    ["central offers", offerText(central)],
    ["proxy", textOf(central, "proxy") || undefined],
    ["candidates", textOf(central, "candidates") || undefined],
    ...rowsOf(central, "attempts").map((attempt): PageLine => [
      "address",
      `${textOf(attempt, "address")} ${textOf(attempt, "text") || "answered"} ${timeText(attempt["at"])}`,
    ]),
    ["link", linkText(link)],
    ["level", levelText(status)],
    ["promotion", promotionText(rowOf(status, "promotion"))],
    [
      "vault",
      [textOf(vault, "source"), textOf(vault, "strength")].filter(Boolean).join(", ") || undefined,
    ],
    ...rowsOf(status, "certificates").map((certificate): PageLine => [
      `${textOf(certificate, "purpose")} certificate`,
      `ends ${timeAndDistance(certificate["notAfter"], nowMs)}, serial ${textOf(certificate, "serial")}`,
    ]),
    ["renewals", renewalText(rowOf(status, "renewal"), nowMs)],
    ["settings", isUnproven ? undefined : settingsText(rowOf(status, "settings"))],
    ["audit trail", isUnproven ? undefined : headText(rowOf(status, "audit"), nowMs)],
    ...rowsOf(rowOf(status, "audit"), "forks").map((fork): PageLine => [
      "fork",
      `${timeText(fork["foundAt"])} ${textOf(fork, "what")}; seen: ${checkpointText(fork["seen"])}; shown: ${checkpointText(fork["shown"])}`,
    ]),
    ...rowsOf(status, "forwards").map((forward): PageLine => ["forward", forwardText(forward)]),
    ...rowsOf(status, "services").map((service): PageLine => ["service", serviceText(service)]),
    ...edgeLines(rowOf(status, "edge")),
    ...rowsOf(status, "keptCertificates").map((kept): PageLine => [
      "certificate",
      keptText(kept, nowMs),
    ]),
    ...errorLines(rowsOf(status, "errors")),
  ];
}

/** Telemetry of this host's programs: where it comes in and goes out, what is kept, and what was lost of whom. */
function edgeLines(edge: Row): readonly PageLine[] {
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
    ["edge keeps", `${waiting}; ${kept} were kept since the start, ${delivered} delivered`],
    ...rowsOf(store, "losses").map((loss): PageLine => {
      const [client, reason, lost] = ["client", "reason", "calls"].map((key) => textOf(loss, key));
      return ["edge lost", `${lost} calls of ${client}: ${lossText(reason ?? "")}`];
    }),
  ];
}

function lossText(reason: string): string {
  const texts = new Map([
    ["full", "there was no room to keep them, which their program was told"],
    ["disk", "the disk took no more, which their program was told"],
    ["busy", "too many were under way, which their program was told"],
    ["age", "they became too old before anybody took them"],
    ["damage", "what was kept of them is damaged"],
    ["refused", "they were refused when they were sent again"],
  ]);
  return texts.get(reason) ?? reason;
}

function forwardText(forward: Row): string {
  const [name, listen] = ["name", "listen"].map((key) => textOf(forward, key));
  const place = forward["listening"] === true ? `at ${listen}` : `does not listen at ${listen}`;
  const origin = forward["origin"] === "central" ? ", set by central" : "";
  return `${name} ${place}${origin}: ${countsText(forward)}`;
}

function serviceText(service: Row): string {
  const [name, to] = ["name", "to"].map((key) => textOf(service, key));
  const away = service["reachable"] === true ? "" : ", no link ready for central";
  return `${name} at ${to}${away}: ${countsText(service)}`;
}

/** Its files stay as they are whatever the problem says. */
function keptText(kept: Row, nowMs: number): string {
  const place = `${textOf(kept, "name")} in ${textOf(kept, "folder")}`;
  const isThere = textOf(kept, "serial") !== "";
  const life = isThere
    ? `ends ${timeAndDistance(kept["notAfter"], nowMs)}, serial ${textOf(kept, "serial")}`
    : "none yet";
  const problem = textOf(rowOf(kept, "problem"), "text");
  const next = `next ${timeAndDistance(kept["nextAt"], nowMs)}`;
  const lines = [`${place}: ${life}, ${next}`, ...(problem === "" ? [] : [problem])];
  return lines.join("\n");
}

function countsText(row: Row): string {
  const [open, total, refused, cut] = ["open", "total", "refused", "cut"].map((key) =>
    textOf(row, key),
  );
  const bytes = `${textOf(row, "sentBytes")} bytes sent, ${textOf(row, "receivedBytes")} received`;
  return `${open} open of ${total}, ${refused} refused, ${cut} cut, ${bytes}`;
}

/** What happened several times in a row is told once, with the last time: a night of dials would hide what came before it. */
function errorLines(errors: readonly Row[]): readonly PageLine[] {
  const runs: { readonly text: string; remedy: string; at: unknown; count: number }[] = [];
  for (const error of errors) {
    const text = `${textOf(error, "code")}: ${textOf(error, "text")}`;
    const last = runs.at(-1);
    if (last?.text === text) Object.assign(last, { at: error["at"], count: last.count + 1 });
    else runs.push({ text, remedy: textOf(error, "remedy"), at: error["at"], count: 1 });
  }
  return runs.flatMap(({ text, remedy, at, count }, index): PageLine[] => {
    const row = count === 1 ? "" : ` (the last of ${count} in a row)`;
    // Several addresses of one central fail alike: what to do is said once, under the last of them.
    const isSaidBelow = remedy === runs[index + 1]?.remedy;
    return [
      ["error", `${timeText(at)} ${text}${row}`],
      ["what to do", isSaidBelow ? undefined : remedy || undefined],
    ];
  });
}

function clockText(seconds: unknown): string | undefined {
  if (typeof seconds !== "number") return undefined;
  const distance = `${distanceText(seconds * 1000)} ${seconds > 0 ? "ahead of" : "behind"} this host's`;
  return isClockOff(seconds * 1000) ? `${distance}: set the wrong one by NTP` : distance;
}

/** Nothing is said of it before the join is proven. */
function renewalText(renewal: Row, nowMs: number): string | undefined {
  if (renewal["made"] === undefined) return undefined;
  const next = `next ${timeAndDistance(renewal["nextAt"], nowMs)}`;
  return `${textOf(renewal, "made")} made, ${renewal["underWay"] === true ? "one under way" : next}`;
}

/** What this agent remembers of central's trail: it is a witness of it. */
function headText(audit: Row, nowMs: number): string | undefined {
  if (audit["forks"] === undefined) return undefined;
  const head = readCheckpoint(audit["head"]);
  if (head === undefined) return "no checkpoint seen yet";
  return `checkpoint ${head.number} seen, entry ${head.seq}, signed ${timeAndDistance(head.atMs, nowMs)}`;
}

function checkpointText(value: unknown): string {
  const checkpoint = readCheckpoint(value);
  return checkpoint === undefined ? "?" : `entry ${checkpoint.seq} of ${timeText(checkpoint.atMs)}`;
}

function readCheckpoint(value: unknown): AuditCheckpoint | undefined {
  const signed = checkpointFromJson(value);
  return signed && parseAuditCheckpoint(signed.body);
}

/** What is dialled, with which key, and what nobody may go below. */
function levelText(status: Row): string | undefined {
  const proven = textOf(status, "provenLevel");
  const level = textOf(status, "level");
  // A key that is set stays so at the levels that do not use it.
  const key = level === "basic" || level === "advanced" ? textOf(status, "key") : "";
  const ordered = textOf(status, "orderedLevel");
  const words = [
    level,
    key && `key ${key}`,
    climbedText(rowOf(status, "climbed")),
    ordered && `ordered: ${ordered}`,
    proven && `proven before: ${proven}`,
  ];
  return words.filter(Boolean).join(", ") || undefined;
}

/** Why the level is above that of the settings file. */
function climbedText(climbed: Row): string | undefined {
  const how = { instruction: "by instruction", rescue: "by itself, as it was not heard below" };
  const by = textOf(climbed, "by");
  if (by !== "instruction" && by !== "rescue") return undefined;
  return `climbed to ${textOf(climbed, "level")} ${how[by]}`;
}

function promotionText(offer: Row): string | undefined {
  if (offer["trustDomain"] === undefined) return undefined;
  return (
    "central offers this agent an identity: ask for a join token and run 'tautline agent join'\n" +
    `${textOf(offer, "trustDomain")} at ${textOf(offer, "addresses")}, since ${timeText(offer["at"])}\n` +
    `root pin ${pinsText(offer)}: compare it with 'tautline status' at central`
  );
}

/** As central shows its own. */
function pinsText(offer: Row): string {
  const { pins } = offer;
  const all = Array.isArray(pins) ? pins.map(String) : [];
  return all.map((pin) => Buffer.from(pin, "base64url").toString("hex")).join(", ");
}

function linkText(link: Row): string {
  if (link["level"] === undefined) return "none";
  const { level, protocol, cipher } = link;
  const group = level === "plaintext" ? "not encrypted, nobody proven" : groupOf(link);
  const words = [level, protocol, cipher].map(asText).concat(group);
  return `${words.filter(Boolean).join(", ")}, since ${timeText(link["since"])}`;
}

function groupOf(link: Row): string {
  return textOf(link, "group") || "group not known";
}

function settingsText(settings: Row): string {
  const values = Object.entries(rowOf(settings, "values")).map(
    ([key, value]) => `${key} = ${asText(value)}`,
  );
  if (settings["seq"] === undefined || settings["seq"] === null) {
    return ["defaults; no instruction yet", ...values].join("\n");
  }
  const number = `${textOf(settings, "epoch")}/${textOf(settings, "seq")}`;
  return [`by instruction ${number}`, ...values].join("\n");
}
