import { isAbsolute } from "node:path";
import { FILE_NAME } from "@tautline/daemon";
import { CERTIFICATE_USES, LIMITS, readCertifiedName } from "@tautline/protocol";
import { z } from "zod";

/** A DNS label (RFC 1123 section 2.1) in lower case. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A user's name as useradd takes it, or the two numbers. */
const OWNER = /^(?:[a-z_][a-z0-9_.-]{0,31}|\d{1,9}:\d{1,9})$/;
const MOST_CERTIFICATES = 32;
const MOST_WORDS = 64;

const fileName = (meaning: string) =>
  z
    .string()
    .regex(FILE_NAME, "must be the plain name of a file: letters, digits and . _ -")
    .optional()
    .describe(meaning);

const certificate = z
  .strictObject({
    folder: z
      .string()
      .refine(isAbsolute, "must be an absolute path")
      .describe("Folder the files are kept in; made where it is missing."),
    names: z
      .array(
        z
          .string()
          .refine(
            (text) => readCertifiedName(text) !== undefined,
            "must be a DNS name in lower case or an IP address in its shortest spelling",
          ),
      )
      .min(1)
      .max(LIMITS.certifiedNames.value)
      .refine((names) => new Set(names).size === names.length, "has a name twice")
      .describe("What the certificate names, the subject first; central must allow each."),
    use: z
      .enum(CERTIFICATE_USES)
      .default("server")
      .describe("`server`, `client`, or `both` in one certificate."),
    files: z
      .strictObject({
        cert: fileName(
          "Name of the certificate's file, with the intermediate in it; without it `server.crt`, or `client.crt` for a client.",
        ),
        key: fileName("Name of the key's file (PKCS#8); without it `server.pem` or `client.pem`."),
        ca: fileName("Name of the root's file; without it `ca.crt`."),
      })
      .prefault({}),
    owner: z
      .string()
      .regex(OWNER, "must be a user's name, or UID:GID")
      .optional()
      .describe(
        "User that shall own the files, by name or as `UID:GID`; needs an agent run by root.",
      ),
    keyMode: z
      .enum(["0400", "0440", "0600", "0640"])
      .default("0600")
      .describe("Mode of the key's file, in quotes."),
    reload: z
      .array(z.string().max(1_024))
      .min(1)
      .max(MOST_WORDS)
      .refine(([program = ""]) => isAbsolute(program), "must begin with a program's absolute path")
      .optional()
      .describe(
        "Program and arguments that are run by the agent's user, without a shell, after the files were replaced: `[/usr/sbin/nginx, -s, reload]`.",
      ),
  })
  .superRefine(({ use, files }, context) => {
    const { cert, key, ca } = fileNamesOf({ use, files });
    if (new Set([cert, key, ca]).size === 3) return;
    context.addIssue({ code: "custom", path: ["files"], message: "names one file twice" });
  });

/** The setting `certificates` of the agent's local file: nothing remote names a folder, a user or a program. */
export const certificatesSetting = z
  .record(
    z.string().regex(NAME, "the name of a certificate is a DNS label in lower case"),
    certificate,
  )
  .refine((all) => Object.keys(all).length <= MOST_CERTIFICATES, {
    message: `has more than ${MOST_CERTIFICATES} certificates`,
  })
  .superRefine((all, context) => {
    const takenBy = new Map<string, string>();
    for (const [name, each] of Object.entries(all)) {
      const { cert, key } = fileNamesOf(each);
      for (const file of [cert, key].map((text) => `${each.folder}/${text}`)) {
        const other = takenBy.get(file);
        takenBy.set(file, name);
        if (other === undefined) continue;
        const message = `writes ${file}, and so does the certificate '${other}'`;
        context.addIssue({ code: "custom", path: [name, "folder"], message });
      }
    }
  })
  .default({});

/** One certificate's settings. */
export type CertificateSettings = Readonly<z.output<typeof certificate>>;

/** The plain names of a certificate's files. */
export interface FileNames {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * Gives the names of a certificate's files (SW-2): those of choice, else by its use.
 *
 * @param settings its use, and names of choice
 */
export function fileNamesOf({ use, files }: Pick<CertificateSettings, "use" | "files">): FileNames {
  const stem = use === "client" ? "client" : "server";
  const { cert = `${stem}.crt`, key = `${stem}.pem`, ca = "ca.crt" } = files;
  return { cert, key, ca };
}
