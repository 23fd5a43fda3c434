import { randomBytes, X509Certificate } from "node:crypto";
import { basename, dirname, resolve } from "node:path";
import { writeFileSet } from "@tautline/daemon";
import { type TrustedEntry, writeJksTrustStore, writePkcs12TrustStore } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import { Option } from "commander";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { rowsOf, textOf } from "../row.ts";

const FORMATS = ["pem", "der", "pkcs12", "jks"] as const;

interface TrustOptions extends CentralOptions {
  readonly format: (typeof FORMATS)[number];
  readonly out: string;
  readonly force?: true;
}

/** 120 bits as hex: letters and digits that Java takes and a shell does not change. */
const PASSWORD_BYTES = 15;
const OPEN = 0o644;
const PRIVATE = 0o600;

/** `tautline certs trust`: the roots, for programs that shall know what central certifies. */
export const writeTrust: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("write the roots as a file for other programs")
    .description(
      "Writes the roots by which other programs know what central certifies: the one in use, and the next one while there is " +
        "one. PKCS#12 and JKS are for Java: 'keytool -list' shows their entries. They have a password, made anew each time " +
        "and printed once; there is no secret in them, it guards against being changed.",
    )
    .addOption(
      new Option("--format <format>", "how it is written").choices([...FORMATS]).default("pem"),
    )
    .requiredOption("--out <file>", "where to")
    .option("--force", "replace a file that is there")
    .addHelpText("after", "\nExample:\n  tautline certs trust --format pkcs12 --out truststore.p12")
    .action(async (options: TrustOptions) => {
      const { format, out, force } = options;
      const answer = await createAdminClient(context, options).get({ path: ["trust"] });
      const roots = rowsOf(answer, "roots").map((root) => new X509Certificate(textOf(root, "pem")));
      const password = format === "jks" || format === "pkcs12" ? newPassword() : undefined;
      const content = await formatRoots(roots, { format, password, at: new Date(context.now()) });
      const path = resolve(context.cwd, out);
      const mode = password === undefined ? OPEN : PRIVATE;
      writeFileSet([{ name: basename(path), content, mode }], {
        folder: dirname(path),
        replace: force === true,
      });
      const count = roots.length === 1 ? "the root" : `${roots.length} roots`;
      const pins = rowsOf(answer, "roots").map((root) => textOf(root, "pin"));
      const document = { file: path, format, pins, ...(password !== undefined && { password }) };
      await context.output.print(document, () =>
        password === undefined
          ? `${out}: ${count} as ${format}.`
          : `${out}: ${count} as ${format}.\nPassword (kept nowhere): ${password}`,
      );
    });
};

function newPassword(): string {
  return randomBytes(PASSWORD_BYTES).toString("hex");
}

async function formatRoots(
  roots: readonly X509Certificate[],
  how: {
    readonly format: TrustOptions["format"];
    readonly password: string | undefined;
    readonly at: Date;
  },
): Promise<string | Uint8Array> {
  const { format, password = "", at } = how;
  const [only, ...others] = roots;
  if (format === "pem") return roots.map(String).join("");
  if (format === "der") {
    if (only !== undefined && others.length === 0) return only.raw;
    const reason = `DER holds one certificate, and there are ${roots.length} roots`;
    throw new TautlineError("cli.usage", { detail: { reason, command: "tautline certs trust" } });
  }
  const entries = roots.map((certificate, index): TrustedEntry => ({
    alias: index === 0 ? "tautline" : `tautline-${index + 1}`,
    certificate,
  }));
  return format === "jks"
    ? writeJksTrustStore(entries, password, at)
    : writePkcs12TrustStore(entries, password);
}
