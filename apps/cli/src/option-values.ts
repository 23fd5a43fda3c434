import { InvalidArgumentError } from "commander";
import { isLevel, isTautlineError, LEVELS, parseDuration, type Level } from "@tautline/protocol";

const LARGEST_PORT = 65_535;

/** Reads a port for commander; 0 means any free one. */
export function portValue(text: string): number {
  return wholeNumber(text, 0, LARGEST_PORT);
}

/** Reads a count of at least one for commander. */
export function countValue(text: string): number {
  return wholeNumber(text, 1, 1_000_000);
}

/** Reads a duration such as 90s, 15m, 24h or 30d for commander; returns milliseconds. */
export function durationValue(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    throw new InvalidArgumentError("Write a whole number and a unit: 90s, 15m, 24h or 30d.");
  }
}

/** Reads a time for commander: RFC 3339 with its offset, such as 2026-11-22T10:00:00Z; returns milliseconds since the epoch. */
export function timeValue(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError("Write a time as 2026-11-22T10:00:00Z.");
  return ms;
}

/** Reads a level for commander. */
export function levelValue(text: string): Level {
  if (!isLevel(text)) throw new InvalidArgumentError(`Write one of ${LEVELS.join(", ")}.`);
  return text;
}

/** Reads levels for commander, separated by commas, in their order. */
export function levelsValue(text: string): Level[] {
  return text.split(",").map((each) => levelValue(each.trim()));
}

function wholeNumber(text: string, least: number, most: number): number {
  const value = /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < least || value > most) {
    throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`);
  }
  return value;
}
