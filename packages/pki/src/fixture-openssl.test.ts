import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withTempFolder } from "@tautline/testing";
import type { X509Certificate } from "node:crypto";
import { toPem } from "./pem.ts";

/** Runs the real openssl in a folder; its standard output. */
export function openssl(folder: string, args: readonly string[], input = ""): string {
  return run(folder, args, input).stdout;
}

/** Runs the real openssl in a folder; what it tells the person at the terminal. */
export function opensslRemark(folder: string, args: readonly string[], input = ""): string {
  return run(folder, args, input).stderr;
}

function run(
  folder: string,
  args: readonly string[],
  input: string,
): { stdout: string; stderr: string } {
  const ended = spawnSync("openssl", args, { cwd: folder, input, encoding: "utf8" });
  if (ended.status !== 0) throw new Error(`openssl ${args.join(" ")}: ${ended.stderr}`);
  return ended;
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
    const ended = spawnSync("openssl", ["verify", ...asked, ...trusted, "leaf.pem"], {
      cwd: folder,
      encoding: "utf8",
    });
    if (ended.status === 0) return "accepted";
    return /error \d+ at \d+ depth lookup: (.*)/.exec(ended.stderr)?.[1] ?? ended.stderr;
  });
}
