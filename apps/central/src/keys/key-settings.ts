import { isKeyName, isNamespace } from "@tautline/protocol";
import { z } from "zod";

const MAX_CONFIGURED_KEYS = 1_000;

/** Settings of the shared keys that central makes at its start. */
export const keySettings = z
  .array(
    z.strictObject({
      name: z.string().refine(isKeyName, "it cannot name a key: letters a-z, digits, . _ -"),
      namespace: z
        .string()
        .refine(isNamespace, "it cannot be the name of a namespace")
        .default("default"),
      file: z.string().min(1),
    }),
  )
  .max(MAX_CONFIGURED_KEYS)
  .refine(
    (list) => new Set(list.map(({ name }) => name)).size === list.length,
    "a name stands there twice",
  )
  .meta({ kind: "list of `{name, namespace, file}`" })
  .default([])
  .describe(
    "Shared keys that are made at the start if there never was one of that name: `name`, `namespace` (`default` unless told) and `file`, which holds the text, mode 0600. A missing or open file refuses the start; once a key is made its file is not read again.",
  );
