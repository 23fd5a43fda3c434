import { distanceText, isClockOff, TautlineError } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient, type AdminClient } from "../client.ts";
import { toldEdgeLines } from "../edge-text.ts";
import { levelAndGroup } from "../group-text.ts";
import type { DefineVerb } from "../noun.ts";
import { offerText } from "../offer-text.ts";
import { asText, rowOf, textOf, type Row } from "../row.ts";
import { renderPage, type PageLine } from "../table.ts";
import { timeAndDistance, timeText } from "../time-text.ts";
import { approvalLines } from "./approval-text.ts";

const AGENT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `tautline agents show ID`: all that central knows of one agent, its live links and those it had. */
export const showAgent: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show one agent")
    .description(
      "Shows all that central knows of one agent, its live links and what links it used.",
    )
    .argument("<id>", "the agent's id, or its name while only one agent has it")
    .action(async (idOrName: string, options: CentralOptions) => {
      const { output, now } = context;
      const client = createAdminClient(context, options);
      const agent = await client.get({ path: ["agents", await findAgentId(client, idOrName)] });
      await output.print(agent, async () => {
        const query = { agent: textOf(agent, "id") };
        const links = await client.list({ path: ["links"], query });
        const used = await client.list({ path: ["links", "history"], query });
        const lines = [...agentLines(agent, now()), ...linkLines(links), ...usedLines(used)];
        return renderPage(lines, output.paint);
      });
    });
};

async function findAgentId(client: AdminClient, idOrName: string): Promise<string> {
  if (AGENT_ID.test(idOrName)) return idOrName;
  const agents = await client.list({ path: ["agents"] });
  const [first, ...others] = agents.filter((agent) => agent["name"] === idOrName);
  if (first === undefined) {
    const detail = { thing: "agent", id: idOrName, noun: "agents" };
    throw new TautlineError("api.not_found", { detail });
  }
  if (others.length > 0) {
    const detail = { count: others.length + 1, name: idOrName };
    throw new TautlineError("cli.ambiguous_name", { detail });
  }
  return textOf(first, "id");
}

function agentLines(agent: Row, nowMs: number): readonly PageLine[] {
  const settings = rowOf(agent, "settings");
  return [
    ["id", textOf(agent, "id")],
    ["name", textOf(agent, "name")],
    ["namespace", textOf(agent, "namespace")],
    ["state", stateText(agent, nowMs)],
    ...approvalLines(agent, nowMs),
    ["version", textOf(agent, "version")],
    ["offers", offerText(agent)],
    ["level", textOf(agent, "level")],
    ["group", textOf(agent, "group")],
    ["last seen", timeAndDistance(agent["lastSeenAt"], nowMs)],
    ...originLines(agent, nowMs),
    [
      "settings",
      isUnproven(agent)
        ? undefined
        : [textOf(settings, "status"), textOf(settings, "error")].filter(Boolean).join(": "),
    ],
    ["clock", clockText(agent["clockOffsetSeconds"])],
    [
      "central's addresses",
      isUnproven(agent) ? undefined : addressesText(rowOf(agent, "addresses"), nowMs),
    ],
    ["ordered level", moveText(rowOf(agent, "move"), nowMs)],
    ...toldEdgeLines(rowOf(agent, "edge"), nowMs),
    ["health", healthText(rowOf(agent, "health"))],
    ["attributes", pairs(rowOf(agent, "attributes"))],
  ];
}

/** It is given neither settings nor addresses. */
function isUnproven({ state }: Row): boolean {
  return state === "unproven" || state === "keyed";
}

/** What came with its identity; of an agent without one, since when it is seen. */
function originLines(agent: Row, nowMs: number): readonly PageLine[] {
  const since = timeAndDistance(agent["joinedAt"], nowMs);
  if (isUnproven(agent)) {
    return [
      ["first seen", since],
      ["identity", "none: its id, its name and what follows are what it says of itself"],
      ["promoted", promotionText(rowOf(agent, "promotion"), nowMs)],
    ];
  }
  return [
    ["joined", since],
    ["joined with token", textOf(agent, "token")],
    ["certificate ends", timeAndDistance(agent["certificateExpiresAt"], nowMs)],
    ["identity", identityText(agent, nowMs)],
  ];
}

function promotionText({ at = null, toldAt = null }: Row, nowMs: number): string {
  if (at === null) return "no";
  const told = toldAt === null ? "not told yet" : `told ${timeAndDistance(toldAt, nowMs)}`;
  return `${timeAndDistance(at, nowMs)}, ${told}`;
}

/** Numbers of identities count renewals; the join's is 0. */
function identityText(agent: Row, nowMs: number): string {
  const renewal = rowOf(agent, "renewal");
  const { lastAt = null } = renewal;
  const { cloneSuspectedAt = null } = agent;
  const number = `number ${textOf(renewal, "inUse")}`;
  const renewed = lastAt === null ? "never renewed" : `renewed ${timeAndDistance(lastAt, nowMs)}`;
  if (cloneSuspectedAt === null) return `${number}, ${renewed}`;
  const suspected = `seems to exist twice since ${timeAndDistance(cloneSuspectedAt, nowMs)}`;
  const id = textOf(agent, "id");
  return `${number}, ${renewed}; ${suspected}: see 'tautline audit list', then 'tautline agents release ${id}' or 'revoke'`;
}

function stateText(agent: Row, nowMs: number): string {
  const { quarantinedAt = null, replacedBy = null } = agent;
  const replaces = textOf(agent, "replaces");
  const words = [
    textOf(agent, "state"),
    quarantinedAt === null ? "" : `since ${timeAndDistance(quarantinedAt, nowMs)}`,
    replacedBy === null ? "" : `replaced by ${textOf(agent, "replacedBy")}`,
    replaces === "" ? "" : `took the place of ${replaces}`,
  ];
  return words.filter(Boolean).join(", ");
}

/** What an agent says of its own clock; within the tolerance it is nobody's business. */
function clockText(seconds: unknown): string {
  if (typeof seconds !== "number") return "not told";
  if (!isClockOff(seconds * 1000)) return "as central's";
  return `${distanceText(seconds * 1000)} ${seconds > 0 ? "ahead of" : "behind"} central's: set it by NTP`;
}

function addressesText(addresses: Row, nowMs: number): string {
  const status = textOf(addresses, "status");
  if (status === "unset") return "none offered since it joined";
  const words = [`${textOf(addresses, "offered")}: ${status}`, textOf(addresses, "error")];
  return `${words.filter(Boolean).join(", ")}, ${timeAndDistance(addresses["at"], nowMs)}`;
}

/** Nothing is said of it where nobody ordered any. */
function moveText(move: Row, nowMs: number): string | undefined {
  if ((textOf(move, "level") || "") === "") return undefined;
  const words = [`${textOf(move, "level")}: ${textOf(move, "status")}`, textOf(move, "error")];
  return `${words.filter(Boolean).join(", ")}, ${timeAndDistance(move["at"], nowMs)}`;
}

function healthText(health: Row): string {
  if (typeof health["healthy"] !== "boolean") return asText(health["status"]);
  const words = [health["healthy"] ? "healthy" : "not healthy", textOf(health, "lastError")];
  return words.filter(Boolean).join(": ");
}

function pairs(record: Row): string {
  return Object.entries(record)
    .map(([name, value]) => `${name} = ${asText(value)}`)
    .join("\n");
}

function linkLines(links: readonly Row[]): readonly PageLine[] {
  if (links.length === 0) return [["links", "none live"]];
  return links.map((link) => [
    "link",
    `${textOf(link, "kind")} at ${levelAndGroup(link)}${keyOf(link)}, since ${timeText(link["since"])}, id ${textOf(link, "id")}`,
  ]);
}

function keyOf(link: Row): string {
  const key = textOf(link, "keyId");
  return key === "" ? "" : `, key ${key}`;
}

/** What its links negotiated over time; `links history --agent ID` has the whole of it. */
function usedLines(used: readonly Row[]): readonly PageLine[] {
  if (used.length === 0) return [["links used", "none seen"]];
  return used.map((one) => {
    const refused = textOf(one, "refused");
    const days = one["days"] === 1 ? "1 day" : `${textOf(one, "days")} days`;
    const count = `${textOf(one, "links")} ${refused === "" ? "opened" : "refused"}`;
    const text =
      `${textOf(one, "kind")} at ${levelAndGroup(one)}: ` +
      `${count} on ${days}, last ${timeText(one["lastAt"])} from ${textOf(one, "lastAddress")}`;
    return ["links used", refused === "" ? text : `${text}: ${refused}`];
  });
}
