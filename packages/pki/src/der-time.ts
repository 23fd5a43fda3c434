import type { DerCursor } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";

const FORMS: ReadonlyMap<number, RegExp> = new Map([
  [TAG.utcTime, /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/],
  [TAG.generalizedTime, /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/],
]);

/**
 * Reads a time of RFC 5280 section 4.1.2.5: UTCTime or GeneralizedTime, whole seconds, in UTC, of a day that exists.
 *
 * @param cursor stands before it
 */
export function readTime(cursor: DerCursor): Date {
  const tag = cursor.peek();
  const content = cursor.read(tag);
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString("latin1");
  const [, year, ...rest] = FORMS.get(tag)?.exec(text) ?? [];
  if (year === undefined) throw cursor.malformed();
  // Two digits from 50 on are of the last century.
  const century = year.length === 4 ? "" : year < "50" ? "20" : "19";
  const [month, day, hour, minute, second] = rest;
  const iso = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = new Date(iso);
  // A 30th of February reads as a day of March.
  if (Number.isNaN(time.getTime()) || time.toISOString() !== iso) throw cursor.malformed();
  return time;
}
