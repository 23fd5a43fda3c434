import { durationSetting } from "@tautline/daemon";
import { z } from "zod";
import { listenMistakes, readListenAddress } from "../forwards/listen-address.ts";

const KIB = 1024;
const MIB = KIB * KIB;
/** One folder, not a way out of the data folder. */
const FOLDER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const store = z
  .strictObject({
    folder: z
      .string()
      .regex(FOLDER, "must be the name of one folder")
      .default("edge")
      .describe("Folder in the data folder where calls are kept, sealed by the agent's vault."),
    maxBytes: z
      .int()
      .min(0)
      .max(4 * KIB * MIB)
      .default(64 * MIB)
      .describe(
        "Bytes of calls kept while nobody can be reached; 0 keeps none. A call for which there is no room is refused, and counted.",
      ),
    maxAge: durationSetting("24h", "1m", "30d").describe(
      "A call that was kept for so long is dropped, and counted.",
    ),
    maxCall: z
      .int()
      .min(KIB)
      .max(16 * MIB)
      .default(4 * MIB)
      .describe("Bytes of one call that may be kept; a longer one is carried, and not kept."),
    patience: durationSetting("5s", "1s", "1m").describe(
      "A call that may be kept is kept when no answer has come for so long, or for half of the program's own deadline.",
    ),
  })
  .prefault({});

/** The setting `edge` of the agent's local file: telemetry of this host's programs, on its way out. */
export const edgeSetting = z
  .strictObject({
    listen: z
      .string()
      .refine(
        (text) => readListenAddress(text) !== undefined,
        "must be 127.0.0.1:PORT, [::1]:PORT or unix:PATH; a name is not taken",
      )
      .optional()
      .describe(
        "Where programs of this host send their telemetry, gRPC and HTTP on one port: `127.0.0.1:11800`, `[::1]:11800`, or `unix:PATH`, relative to the data folder unless it begins with a slash. Not set, there is no edge.",
      ),
    open: z
      .boolean()
      .default(false)
      .describe(
        "Needed for any other address than loopback and Unix sockets: whoever reaches it sends as this host, in plaintext as far as here.",
      ),
    mode: z
      .enum(["0600", "0660", "0666"])
      .optional()
      .describe(
        "Mode of the Unix socket, in quotes; `0600`, the agent's own user alone, unless it is set.",
      ),
    maxConnections: z
      .int()
      .min(1)
      .max(65_536)
      .default(256)
      .describe("Connections of programs at once; one more is closed at once."),
    maxInFlight: z
      .int()
      .min(MIB)
      .max(KIB * MIB)
      .default(64 * MIB)
      .describe("Bytes of calls that may be kept which are held in memory at once."),
    plaintext: z
      .boolean()
      .default(false)
      .describe(
        "Send in plaintext to the receivers that the environment names, where nothing says by what they are verified (docs/guides/edge.md).",
      ),
    store,
  })
  .superRefine(({ listen, open, mode }, context) => {
    const address = listen === undefined ? undefined : readListenAddress(listen);
    if (address === undefined) {
      if (mode === undefined) return;
      context.addIssue({ code: "custom", path: ["mode"], message: "is there without `listen`" });
      return;
    }
    for (const { key, message } of listenMistakes({ address, open, mode })) {
      context.addIssue({ code: "custom", path: [key], message });
    }
  })
  .prefault({});

/** The edge's settings, with times in milliseconds. */
export type EdgeSettings = Readonly<z.output<typeof edgeSetting>>;
