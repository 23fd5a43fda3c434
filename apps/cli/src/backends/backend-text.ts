import { rowsOf, textOf, type Row } from "../row.ts";

/** What calls a backend takes, for people. */
export function routesText(row: Row): string {
  return textOf(row, "routes") || "the rest";
}

/** Who may call it, for people. */
export function callersText(row: Row): string {
  if (row["requireToken"] === true) return "with a token";
  return row["anonymous"] === true ? "anybody" : "with certificate, key or token";
}

/** What is done where telemetry claims to be of somebody else, for people. */
export function claimsText(row: Row): string {
  const claims = textOf(row, "claims");
  if (claims === "log") return "logged where they are not allowed";
  return claims === "refuse" ? "refused where they are not allowed" : "not looked at";
}

/** How it is: of several places the first that is ready, else what is wrong. */
export function healthText(row: Row): string {
  const states = new Set(rowsOf(row, "places").map((place) => textOf(place, "state")));
  return ["ready", "connecting", "idle", "out"].find((state) => states.has(state)) ?? "";
}
