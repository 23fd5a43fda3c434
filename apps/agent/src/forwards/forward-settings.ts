import { durationSetting } from "@tautline/daemon";
import { z } from "zod";
import { formatListenAddress, listenMistakes, readListenAddress } from "./listen-address.ts";

/** A DNS label (RFC 1123 section 2.1) in lower case: what central's allowance is called. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MOST_FORWARDS = 64;

const forward = z
  .strictObject({
    listen: z
      .string()
      .refine(
        (text) => readListenAddress(text) !== undefined,
        "must be 127.0.0.1:PORT, [::1]:PORT or unix:PATH; a name is not taken",
      )
      .describe(
        "Where programs of this host connect to: `127.0.0.1:5432`, `[::1]:5432`, or `unix:PATH`, relative to the data folder unless it begins with a slash. Port 0 takes any free one, which `agent status` shows.",
      ),
    open: z
      .boolean()
      .default(false)
      .describe(
        "Needed for any other address than loopback and Unix sockets: whoever reaches it reaches the forward's target, in plaintext as far as this host.",
      ),
    mode: z
      .enum(["0600", "0660", "0666"])
      .optional()
      .describe(
        "Mode of the Unix socket, in quotes; `0600`, the agent's own user alone, unless it is set.",
      ),
    idleTimeout: durationSetting("10m", "1s", "24h").describe(
      "A connection over which nothing went either way for this long is reset.",
    ),
    totalTimeout: durationSetting("24h", "1s", "20d").describe(
      "A connection is reset after this long, whatever goes over it.",
    ),
    maxStreams: z
      .int()
      .min(1)
      .max(65_536)
      .default(256)
      .describe("Connections carried at once; one more is reset at once."),
    warm: z
      .int()
      .min(0)
      .max(32)
      .default(1)
      .describe(
        "Connections to central kept ready, so that a program need not wait for a handshake; all forwards share them.",
      ),
  })
  .superRefine(({ listen, open, mode }, context) => {
    const address = readListenAddress(listen);
    if (address === undefined) return;
    for (const { key, message } of listenMistakes({ address, open, mode })) {
      context.addIssue({ code: "custom", path: [key], message });
    }
  });

/** The setting `forwards` of the agent's local file: TCP connections of this host's programs that central leads on. */
export const forwardsSetting = z
  .record(z.string().regex(NAME, "the name of a forward is a DNS label in lower case"), forward)
  .refine((all) => Object.keys(all).length <= MOST_FORWARDS, {
    message: `has more than ${MOST_FORWARDS} forwards`,
  })
  .superRefine((all, context) => {
    const takenBy = new Map<string, string>();
    for (const [name, { listen }] of Object.entries(all)) {
      const key = takenKey(listen);
      const other = key === undefined ? undefined : takenBy.get(key);
      if (other !== undefined) {
        const message = `is the address of the forward '${other}' and of '${name}'`;
        context.addIssue({ code: "custom", path: [name, "listen"], message });
      }
      if (key !== undefined) takenBy.set(key, name);
    }
  })
  .default({});

/** One forward's settings, with times in milliseconds. */
export type ForwardSettings = Readonly<z.output<typeof forward>>;

/**
 * The place that a forward takes for itself.
 *
 * @param listen as the settings have it
 * @returns in its shortest form; undefined where any number of forwards may say the same: any free port is another each time
 */
export function takenKey(listen: string): string | undefined {
  const address = readListenAddress(listen);
  if (address === undefined || (address.kind === "tcp" && address.port === 0)) return undefined;
  return formatListenAddress(address);
}
