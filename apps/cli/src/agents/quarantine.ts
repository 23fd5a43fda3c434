import type { DefineVerb } from "../noun.ts";
import { simpleVerb } from "./simple-verb.ts";

/** `tautline agents quarantine ID`: a `release` takes it back. */
export const quarantineAgent: DefineVerb = simpleVerb({
  route: "quarantine",
  summary: "keep an agent out for now, and close its links",
  description:
    "Keeps an agent out: its links are closed, it gets no settings and no certificates, and is told why. Record and " +
    "certificates stay, so that 'tautline agents release ID' brings it back without a new join.",
  done: (id) => `Agent ${id} is in quarantine; its links are closed.`,
});
