import { durationSetting } from "@tautline/daemon";
import { isForwardName, readLoopbackPort, TautlineError } from "@tautline/protocol";
import { z } from "zod";
import { type ForwardSettings, takenKey } from "./forward-settings.ts";

const MOST_RULES = 64;
const ANY = "*";

const rule = z.strictObject({
  listen: z
    .string()
    .refine(
      (text) => readPorts(text) !== undefined,
      "must be 127.0.0.1:PORT, [::1]:PORT, or one of these with FIRST-LAST for the port",
    ),
  names: z
    .array(
      z
        .string()
        .refine(
          (text) => text === ANY || isForwardName(text),
          "must be the name of a forward, a DNS label in lower case, or '*'",
        ),
    )
    .min(1)
    .max(64),
  idleTimeout: durationSetting("10m", "1s", "24h"),
  totalTimeout: durationSetting("24h", "1s", "20d"),
  maxStreams: z.int().min(1).max(65_536).default(256),
});

/** The setting `remoteForwards` of the agent's local file: which forwards central may set. Nothing remote widens it. */
export const remoteForwardsSetting = z
  .array(rule)
  .max(MOST_RULES)
  .default([])
  .meta({ kind: "list of `{listen, names, idleTimeout, totalTimeout, maxStreams}`" })
  .describe(
    'Which forwards central may set on this host, by `tautline settings set agents.forwards.NAME PLACE`; none unless listed. `listen` is `127.0.0.1:PORT`, `[::1]:PORT`, or a range of ports, `127.0.0.1:15000-15099`; `names` are those they may have, `"*"` any. The limits are as in `forwards`, and central sets none of them.',
  );

/** What a host has of its own, and what it lets central add. */
export interface ForwardLimits {
  readonly forwards: Readonly<Record<string, ForwardSettings>>;
  readonly remoteForwards: readonly z.output<typeof rule>[];
}

/** What came of the forwards of a settings document. */
export interface JudgedForwards {
  /** With the limits of the rule that lets each in. */
  readonly accepted: Readonly<Record<string, ForwardSettings>>;
  /** agent.forward_not_listed each. */
  readonly refused: readonly TautlineError[];
}

/**
 * Judges the forwards that central asks for by what this host allows (DESIGN "Control": local limits that no remote setting widens).
 *
 * @param wanted names and where each is to listen, as the settings have them
 * @param limits of the settings file
 */
export function judgeRemoteForwards(
  wanted: Readonly<Record<string, string>>,
  limits: ForwardLimits,
): JudgedForwards {
  const accepted: [string, ForwardSettings][] = [];
  const refused: TautlineError[] = [];
  for (const [forward, address] of Object.entries(wanted)) {
    const verdict = judge(forward, address, limits);
    if (typeof verdict === "string") {
      const detail = { forward, address, reason: verdict };
      refused.push(new TautlineError("agent.forward_not_listed", { detail }));
    } else accepted.push([forward, verdict]);
  }
  return { accepted: Object.fromEntries(accepted), refused };
}

/**
 * Refuses settings of which this host does not allow every forward: they are carried out whole, or not at all.
 *
 * @param wanted as of `judgeRemoteForwards`
 * @param limits of the settings file
 * @throws agent.forward_not_listed
 */
export function requireRemoteForwards(
  wanted: Readonly<Record<string, string>>,
  limits: ForwardLimits,
): void {
  const [first] = judgeRemoteForwards(wanted, limits).refused;
  if (first !== undefined) throw first;
}

/** Gives the reason where it is not allowed. */
function judge(name: string, listen: string, limits: ForwardLimits): ForwardSettings | string {
  const { forwards, remoteForwards } = limits;
  if (remoteForwards.length === 0) return "its 'remoteForwards' in agent.yaml list none";
  if (Object.hasOwn(forwards, name)) return "its agent.yaml has a forward of that name";
  const other = Object.entries(forwards).find(([, local]) => takenKey(local.listen) === listen);
  if (other !== undefined) return `its forward '${other[0]}' listens there`;
  const named = remoteForwards.filter(({ names }) => names.includes(ANY) || names.includes(name));
  if (named.length === 0) return "its 'remoteForwards' in agent.yaml do not list that name";
  const found = named.find(({ listen: place }) => isWithin(listen, place));
  if (found === undefined)
    return "its 'remoteForwards' in agent.yaml do not list that place for it";
  const { idleTimeout, totalTimeout, maxStreams } = found;
  return { listen, open: false, idleTimeout, totalTimeout, maxStreams, warm: 1 };
}

function isWithin(listen: string, place: string): boolean {
  const [wanted, ports] = [readPorts(listen), readPorts(place)];
  if (wanted === undefined || ports === undefined || wanted.host !== ports.host) return false;
  return wanted.first === wanted.last && wanted.first >= ports.first && wanted.first <= ports.last;
}

interface Ports {
  readonly host: string;
  readonly first: number;
  readonly last: number;
}

function readPorts(text: string): Ports | undefined {
  const [, host = "", one = "", other = one] =
    /^(127\.0\.0\.1|\[::1\]):([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [one, other].map((port) => readLoopbackPort(`${host}:${port}`));
  if (first === undefined || last === undefined || first > last) return undefined;
  return { host, first, last };
}
