import { z } from "zod";

/** `agents.files` of central.yaml: the files of an existing PKI that are named rather than found. */
export const fileSettings = z
  .strictObject({
    certificateFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Certificate of an existing PKI, with its intermediates, for callers that do not ask for central's own name (agents that joined do). Without it `tls/server.crt` in the data folder, if it is there.",
      ),
    keyFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Its private key, mode 0600: PKCS#8, PKCS#1 or SEC 1, PEM or DER. Found as `tls/server.pem` or `tls/server.key`.",
      ),
    clientCaFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Authorities of an existing PKI whose clients may call (level mtls, without an identity of this fleet). Found as `tls/ca.crt`.",
      ),
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
