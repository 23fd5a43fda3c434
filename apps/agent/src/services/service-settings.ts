import { durationSetting } from "@tautline/daemon";
import { z } from "zod";
import { objectionTo, readServicePlace } from "./service-place.ts";

/** A DNS label (RFC 1123 section 2.1) in lower case: what an operator asks for, and what central's allowance is called. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MOST_SERVICES = 64;

const service = z
  .strictObject({
    to: z
      .string()
      .refine(
        (text) => readServicePlace(text) !== undefined,
        "must be 127.0.0.1:PORT, [::1]:PORT, another ADDRESS:PORT or unix:PATH; a name is not taken",
      )
      .describe(
        "Where the program is: `127.0.0.1:22`, `[::1]:22`, `unix:PATH`, relative to the data folder unless it begins with a slash; another host's address where that is meant.",
      ),
    alsoLocal: z
      .boolean()
      .default(false)
      .describe(
        "Needed for a link-local address and for a cloud's metadata service, which gives this host's credentials away.",
      ),
    idleTimeout: durationSetting("10m", "1s", "24h").describe(
      "A connection over which nothing went either way for this long is reset; central has a limit of its own.",
    ),
    totalTimeout: durationSetting("24h", "1s", "20d").describe(
      "A connection is reset after this long, whatever goes over it.",
    ),
    maxStreams: z
      .int()
      .min(1)
      .max(4_096)
      .default(64)
      .describe("Connections carried at once; one more is refused."),
  })
  .superRefine(({ to, alsoLocal }, context) => {
    const place = readServicePlace(to);
    const objection = place === undefined ? undefined : objectionTo(place);
    if (objection === undefined || (objection === "only if meant" && alsoLocal)) return;
    const message =
      objection === "never"
        ? "is an address that no program has"
        : "is link-local or a cloud's metadata service; if that is meant, say `alsoLocal: true`";
    context.addIssue({ code: "custom", path: ["to"], message });
  });

/** The setting `services` of the agent's local file: what operators may reach through central; nothing remote widens it. */
export const servicesSetting = z
  .record(z.string().regex(NAME, "the name of a service is a DNS label in lower case"), service)
  .refine((all) => Object.keys(all).length <= MOST_SERVICES, {
    message: `has more than ${MOST_SERVICES} services`,
  })
  .default({});

/** One service's settings, with times in milliseconds. */
export type ServiceSettings = Readonly<z.output<typeof service>>;
