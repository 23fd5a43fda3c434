/** One object of central's API, its fields unread. */
export type Row = Readonly<Record<string, unknown>>;

/** Tells whether a value is an object with named fields. */
export function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads one field as text for people: lists are joined, true and false are yes and no, nothing is an empty text.
 *
 * @param row the object
 * @param key the field's name
 */
export function textOf(row: Row, key: string): string {
  return asText(row[key]);
}

/**
 * Turns a JSON value into text for people.
 *
 * @param value any JSON value
 */
export function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(asText).join(", ");
  return JSON.stringify(value);
}

/** Reads one field that holds an object; anything else is an empty object. */
export function rowOf(row: Row, key: string): Row {
  const value = row[key];
  return isRow(value) ? value : {};
}

/** Reads one field that holds a list of objects; anything else is an empty list. */
export function rowsOf(row: Row, key: string): readonly Row[] {
  const value = row[key];
  return Array.isArray(value) ? value.filter(isRow) : [];
}
