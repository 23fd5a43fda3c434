import { oldSettingError, shownName, type OldFinding } from "./old-finding.ts";
import type { Properties } from "./properties.ts";
import {
  ENCRYPTION_SETTINGS,
  PAIR_SETTINGS,
  readSettingName,
  resembles,
  type PairSetting,
} from "./setting-name.ts";

/** One value of a setting, and where it was said. */
export interface Spoken {
  readonly value: string;
  /** "line 3" or "variable TAKIPI_ENCRYPT"; stands in messages. */
  readonly place: string;
  readonly line: number | null;
}

/** The value that counts of each setting of an old pair. */
export interface PairSources {
  readonly file: string;
  readonly spoken: ReadonlyMap<PairSetting, Spoken>;
  readonly findings: readonly OldFinding[];
}

interface Named extends Spoken {
  readonly name: string;
  readonly prefix: string;
  readonly setting: PairSetting;
}

const USUAL_PREFIX = "takipi.";
const LONGEST_VARIABLE = 16 * 1024;

/**
 * Finds what is said about the link of an old pair: a variable of its own stands over `TAKIPI_ARGS`, and that over the file (OV-12).
 *
 * @param properties of agent.properties or collector.properties
 * @param readVariable the environment
 * @throws config.old_setting: names that contradict one another, or that are mistyped
 */
export function findPairSettings(
  properties: Properties,
  readVariable: (name: string) => string | undefined,
): PairSources {
  const { file } = properties;
  const inFile = fromFile(properties);
  const prefixes = prefixesOf(inFile);
  const single = prefixes.flatMap((prefix) => fromVariables(prefix, readVariable));
  const listed = prefixes.flatMap((prefix) => fromArguments(file, prefix, readVariable));
  const findings: OldFinding[] = [...properties.findings, ...severalPrefixes(file, inFile)];
  const spoken = new Map<PairSetting, Spoken>();
  for (const setting of PAIR_SETTINGS) {
    const [over, written] = [
      agreed(file, setting, single) ?? agreed(file, setting, listed),
      agreed(file, setting, inFile),
    ];
    const one = over ?? written;
    if (one !== undefined) spoken.set(setting, one);
    if (over !== undefined && written !== undefined) findings.push(overruled(file, over, written));
  }
  return { file, spoken, findings };
}

function fromFile({ file, entries }: Properties): Named[] {
  return [...entries].flatMap(([name, { value, line }]) => {
    const read = readSettingName(name);
    const place = `line ${line}`;
    if (read !== undefined) return [{ name, ...read, value, place, line }];
    refuseMistyped(file, name, place);
    return [];
  });
}

function refuseMistyped(file: string, name: string, place: string): void {
  if (!resembles(name)) return;
  const reason = `${shownName(name)} is none of the settings ${ENCRYPTION_SETTINGS.join(", ")}, and a mistyped one would switch encryption off`;
  throw oldSettingError(file, place, reason);
}

function prefixesOf(named: readonly Named[]): string[] {
  const prefixes = new Set(named.map(({ prefix }) => (prefix === "" ? USUAL_PREFIX : prefix)));
  return prefixes.size === 0 ? [USUAL_PREFIX] : [...prefixes];
}

/** `takipi.encrypt.key` is TAKIPI_ENCRYPT_KEY. */
function variableOf(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

function fromVariables(
  prefix: string,
  readVariable: (name: string) => string | undefined,
): Named[] {
  return PAIR_SETTINGS.flatMap((setting) => {
    const name = variableOf(prefix + setting);
    const value = readVariable(name);
    const place = `variable ${shownName(name)}`;
    return value === undefined ? [] : [{ name, prefix, setting, value, place, line: null }];
  });
}

function fromArguments(
  file: string,
  prefix: string,
  readVariable: (name: string) => string | undefined,
): Named[] {
  const variable = variableOf(`${prefix}args`);
  const text = readVariable(variable) ?? "";
  const place = `variable ${shownName(variable)}`;
  if (text.length > LONGEST_VARIABLE) {
    const reason = `it is longer than ${LONGEST_VARIABLE} characters`;
    throw oldSettingError(file, place, reason);
  }
  // A comma inside of double quotes belongs to the value.
  return (text.match(/(?:[^,"]|"[^"]*"?)+/g) ?? []).flatMap((item) => {
    const equals = item.indexOf("=");
    const name = item.slice(0, equals === -1 ? item.length : equals).trim();
    const read = readSettingName(name);
    if (read === undefined) refuseMistyped(file, name, place);
    const isOurs = read !== undefined && (read.prefix === "" || read.prefix === prefix);
    const value = equals === -1 ? "" : item.slice(equals + 1);
    return isOurs ? [{ name, prefix, setting: read.setting, value, place, line: null }] : [];
  });
}

/** The one value of a setting in one source; several that differ are nobody's will. */
function agreed(file: string, setting: PairSetting, source: readonly Named[]): Spoken | undefined {
  const [first, ...others] = source.filter((one) => one.setting === setting);
  if (first === undefined) return undefined;
  const other = others.find((one) => meaning(one) !== meaning(first));
  if (other === undefined) return first;
  const reason = `${shownName(first.name)} and ${shownName(other.name)} say different things`;
  const both = first.place === other.place ? first.place : `${first.place} and ${other.place}`;
  throw oldSettingError(file, both, reason);
}

function meaning({ setting, value }: Named): string {
  return setting === "encrypt.key" ? value.trim() : value.trim().toLowerCase();
}

function severalPrefixes(file: string, inFile: readonly Named[]): OldFinding[] {
  const [first] = inFile;
  const other = inFile.find(({ prefix }) => prefix !== first?.prefix);
  if (first === undefined || other === undefined) return [];
  return [
    {
      severity: "info",
      file,
      line: other.line,
      what: `${shownName(first.name)} and ${shownName(other.name)} have different prefixes and are read as one`,
      why: "The old program read one of the two only.",
      remedy: "Keep one prefix in the old file.",
    },
  ];
}

function overruled(file: string, over: Spoken, written: Spoken): OldFinding {
  return {
    severity: "info",
    file,
    line: written.line,
    what: `The ${over.place} stands over ${written.place}`,
    why: "What counts is not what the file says.",
    remedy: "Unset the variable to use the file.",
  };
}
