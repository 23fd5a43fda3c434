import { portSetting } from "@tautline/daemon";
import { z } from "zod";
import { LISTENER_BINDS, SECURE_LEVELS } from "../listeners/listener-settings.ts";

const DEFAULT_PORT = 11_801;
const DEFAULT_PLAINTEXT_PORT = 11_800;

/** The part `receiver` of central.yaml. */
export const receiverSettings = z
  .strictObject({
    bind: z
      .enum(LISTENER_BINDS)
      .default("off")
      .describe(
        "Who reaches the secure port for telemetry: nobody, this host alone, or everybody. 'tautline listeners set receiver' stands above it.",
      ),
    host: z
      .string()
      .default("::")
      .describe("Address that public ports for telemetry listen on; `::` takes IPv4 and IPv6."),
    port: portSetting(DEFAULT_PORT).describe("Secure port for telemetry (SW-8)."),
    levels: z
      .array(z.enum(SECURE_LEVELS))
      .min(1)
      .max(SECURE_LEVELS.length)
      .default(["tls", "mtls"])
      .describe("Levels accepted on it; each backend may ask for more."),
    plaintext: z
      .strictObject({
        bind: z
          .enum(LISTENER_BINDS)
          .default("off")
          .describe(
            "Who reaches the plaintext port for telemetry. 'tautline listeners set receiver-plaintext' stands above it.",
          ),
        port: portSetting(DEFAULT_PLAINTEXT_PORT).describe("Plaintext port for telemetry (SW-9)."),
      })
      .prefault({}),
  })
  .prefault({});
