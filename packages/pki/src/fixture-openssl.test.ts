import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withTempFolder } from "@tautline/testing";
import type { X509Certificate } from "node:crypto";
import { toPem } from "./pem.ts";

/** Runs the real openssl in a folder; its standard output. */
export function openssl(folder: string, args: readonly string[], input = ""): string {
  return execFileSync("openssl", args, {
    cwd: folder,
    input,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  });
}

export interface OpensslQuestion {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
  readonly at: Date;
  readonly purpose: "client" | "server";
}

/** Asks `openssl verify -x509_strict`: "accepted", or its reason. */
export async function askOpenssl(question: OpensslQuestion): Promise<string> {
  const { leaf, intermediates, roots, at, purpose } = question;
  return withTempFolder((folder) => {
    writeFileSync(join(folder, "leaf.pem"), toPem([leaf]));
    writeFileSync(join(folder, "intermediates.pem"), toPem(intermediates));
    writeFileSync(join(folder, "roots.pem"), toPem(roots));
    const seconds = String(Math.floor(at.getTime() / 1000));
    const untrusted = intermediates.length === 0 ? [] : ["-untrusted", "intermediates.pem"];
    const trusted = ["-no-CApath", "-no-CAstore", "-CAfile", "roots.pem", ...untrusted];
    const asked = ["-x509_strict", "-purpose", `ssl${purpose}`, "-attime", seconds];
    const run = spawnSync("openssl", ["verify", ...asked, ...trusted, "leaf.pem"], {
      cwd: folder,
      encoding: "utf8",
    });
    if (run.status === 0) return "accepted";
    return /error \d+ at \d+ depth lookup: (.*)/.exec(run.stderr)?.[1] ?? run.stderr;
  });
}
