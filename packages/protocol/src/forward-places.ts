import { refusedSetting } from "./agent-setting-refusal.ts";
import { isForwardName } from "./forward-name.ts";
import { isForbiddenKey } from "./json.ts";
import { LIMITS } from "./limits.ts";

/** Where central may let an agent listen: this host's own programs alone reach it. One way to write each, so that two are compared as text. */
const PLACE = /^(?:127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})$/;
const LAST_PORT = 65_535;

/**
 * Reads the port of a place where central may let an agent listen; refuses and never normalises.
 *
 * @param text "127.0.0.1:PORT" or "[::1]:PORT"
 * @returns 1 to 65535; undefined where it is no such place
 */
export function readLoopbackPort(text: string): number | undefined {
  const port = Number(PLACE.exec(text)?.[1]);
  return port <= LAST_PORT ? port : undefined;
}

/**
 * Judges the forwards of a settings document (DESIGN "Control"): names and loopback ports, and nothing else.
 *
 * @param value as it was parsed: an object of names, each with its place
 * @param path of it, for the message
 * @returns the same, sorted and frozen
 * @throws value.agent_settings
 */
export function judgeForwardPlaces(value: unknown, path: string): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusedSetting(path, "it is not an object of forwards");
  }
  const entries: [string, unknown][] = Object.entries(value);
  const most = LIMITS.settingsForwards.value;
  if (entries.length > most) throw refusedSetting(path, `it has more than ${most} forwards`);
  const takenBy = new Map<string, string>();
  const judged = entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, place]) => {
      const text = judgePlace(name, place, path);
      const other = takenBy.get(text);
      if (other !== undefined) {
        throw refusedSetting(`${path}.${name}`, `the forward '${other}' listens there`);
      }
      takenBy.set(text, name);
      return [name, text] as const;
    });
  return Object.freeze(Object.fromEntries(judged));
}

function judgePlace(name: string, place: unknown, forwards: string): string {
  const path = `${forwards}.${name}`;
  if (!isForwardName(name) || isForbiddenKey(name)) {
    throw refusedSetting(path, "this cannot be the name of a forward");
  }
  if (typeof place !== "string" || readLoopbackPort(place) === undefined) {
    throw refusedSetting(
      path,
      "it is not 127.0.0.1:PORT or [::1]:PORT with a port from 1 to 65535",
    );
  }
  return place;
}
