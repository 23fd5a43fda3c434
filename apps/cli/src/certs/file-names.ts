import { FILE_NAME } from "@tautline/daemon";
import type { CertificateUse } from "@tautline/protocol";
import { InvalidArgumentError } from "commander";

const PARTS = ["cert", "key", "ca"] as const;
type Part = (typeof PARTS)[number];

/** Names of choice for some of a certificate's files. */
export type ChosenNames = Partial<Record<Part, string>>;

/**
 * Reads `cert=NAME,key=NAME,ca=NAME` for commander; each may be left out.
 *
 * @param text as the command line has it
 */
export function fileNamesValue(text: string): ChosenNames {
  const chosen: ChosenNames = {};
  for (const word of text.split(",")) {
    const [said, name = ""] = word.split(/=(.*)/s);
    const part = PARTS.find((each) => each === said);
    if (part === undefined || chosen[part] !== undefined || !FILE_NAME.test(name)) {
      throw new InvalidArgumentError(
        "Write cert=NAME,key=NAME,ca=NAME with plain names of files; each may be left out.",
      );
    }
    chosen[part] = name;
  }
  return chosen;
}

/**
 * Gives the names of a certificate's files (SW-2): those of choice, else by its use.
 *
 * @param use of the certificate
 * @param chosen on the command line
 */
export function fileNamesFor(use: CertificateUse, chosen: ChosenNames): Record<Part, string> {
  const stem = use === "client" ? "client" : "server";
  return { cert: `${stem}.crt`, key: `${stem}.pem`, ca: "ca.crt", ...chosen };
}

/**
 * Reads an option that may be given several times, for commander.
 *
 * @param text this time's value
 * @param before those before
 */
export function severalValues(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/**
 * Says which use two flags mean: a server's unless told.
 *
 * @param flags of the command line
 */
export function useOf(flags: { readonly server?: true; readonly client?: true }): CertificateUse {
  if (flags.client !== true) return "server";
  return flags.server === true ? "both" : "client";
}
