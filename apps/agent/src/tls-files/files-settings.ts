import { z } from "zod";
import { readPin } from "./pin-text.ts";

/** `central.trust`: by what central is verified before an agent has joined. */
export const trustSetting = z
  .strictObject({
    system: z
      .boolean()
      .default(false)
      .describe(
        "Verify central by the certificate store of this host's system (SW-6), and by nothing that Node brings along.",
      ),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Verify central by the authorities in this file, PEM or DER. Without it, and without `system`, `ca/ca.crt` in the data folder switches TLS on by itself (SW-5).",
      ),
    pins: z
      .array(
        z
          .string()
          .refine(
            (text) => readPin(text) !== undefined,
            "is no SHA-256 of a key in hexadecimal or base64url",
          ),
      )
      .max(16)
      .default([])
      .describe(
        "SHA-256 of SPKI, hexadecimal or base64url, one of which must be in central's chain; alone they are the whole proof.",
      ),
  })
  .refine(({ system, caFile }) => !system || caFile === undefined, {
    path: ["caFile"],
    message: "stands beside `system: true`; only one of them can decide",
  })
  .prefault({});

/** `central.client`: what such an agent shows of an existing PKI. */
export const clientSetting = z
  .strictObject({
    certificateFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Certificate of an existing PKI, with its intermediates, that this agent shows before it has joined (level mtls). Without it `client.crt` with `client.pem` or `client.key` in the folder `ca` of the data folder does (SW-7).",
      ),
    keyFile: z
      .string()
      .min(1)
      .optional()
      .describe("Its private key, mode 0600: PKCS#8, PKCS#1 or SEC 1, PEM or DER."),
  })
  .refine(
    ({ certificateFile, keyFile }) => certificateFile !== undefined || keyFile === undefined,
    {
      path: ["certificateFile"],
      message: "is missing beside the key's file",
    },
  )
  .refine(
    ({ certificateFile, keyFile }) => keyFile !== undefined || certificateFile === undefined,
    {
      path: ["keyFile"],
      message: "is missing beside the certificate's file",
    },
  )
  .prefault({});
