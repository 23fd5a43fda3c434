import { X509Certificate } from "node:crypto";
import { printableText } from "@tautline/protocol";
import type { TlsFiles } from "../tls-files/tls-files.ts";
import type { EdgeFiles } from "./edge-status.ts";

const LONGEST_SUBJECT = 256;

/**
 * Describes the files that receivers are dialled by, as they are in use.
 *
 * @param files undefined at plaintext, and where calls go to central
 */
export function describeFiles(files: TlsFiles | undefined): EdgeFiles | null {
  if (files === undefined) return null;
  const { value, problem } = files;
  const { level, identity } = value;
  return {
    level,
    certificate: identity === undefined ? null : describeLeaf(identity.chainPem),
    problem:
      problem === undefined
        ? null
        : { code: problem.code, text: problem.message, remedy: problem.remedy },
  };
}

/**
 * Gives files to who moves links that stand over to new ones: a dial may have taken them already, and then they are new all the same.
 *
 * @param files that dials look at as well
 */
export function asUsed(files: TlsFiles): TlsFiles {
  let used = files.value;
  return {
    get value() {
      return files.value;
    },
    get problem() {
      return files.problem;
    },
    look: () => {
      const seen = files.look();
      if (files.value === used) return seen;
      used = files.value;
      return "taken";
    },
  };
}

function describeLeaf(chainPem: string): EdgeFiles["certificate"] {
  const leaf = new X509Certificate(chainPem);
  const subject = printableText(leaf.subject.replaceAll("\n", ", "), LONGEST_SUBJECT);
  return { subject, notAfter: new Date(leaf.validTo).toISOString() };
}
