import type { DefineVerb } from "../noun.ts";
import { simpleVerb } from "./simple-verb.ts";

/** `tautline agents promote ID`: for agents without an identity; it opens nothing to them. */
export const promoteAgent: DefineVerb = simpleVerb({
  route: "promote",
  summary: "tell an agent without an identity where it can join",
  description:
    "Tells an agent without an identity central's addresses and the pin of its root, on its link and on every later one. It opens nothing: " +
    "a person gives its host a token ('tautline tokens create', then 'tautline agent join TOKEN' there).",
  done: (id) =>
    `Agent ${id} is told where to join; give its host a token with 'tautline tokens create'.`,
});
