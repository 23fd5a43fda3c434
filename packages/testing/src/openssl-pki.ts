import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One certificate of a PKI made by the openssl command, with its key; files of its folder. */
export interface OpensslCertificate {
  readonly name: string;
  readonly certificateFile: string;
  /** PKCS#8 in PEM, mode 0600. */
  readonly keyFile: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What a certificate shall be. */
export interface OpensslOrder {
  /** Of its files, and its common name. */
  readonly name: string;
  readonly key?: "ec" | "rsa" | "rsa1024";
  /** Signs itself where there is none. */
  readonly issuer?: OpensslCertificate;
  /** Extensions as openssl writes them, such as "subjectAltName=DNS:localhost". */
  readonly extensions?: readonly string[];
  readonly days?: number;
}

/** A PKI as people make it by hand: what is not asked for is not in its certificates. */
export interface OpensslPki {
  readonly folder: string;
  issue(order: OpensslOrder): OpensslCertificate;
  /** Runs openssl in the folder; its standard output. */
  run(...args: readonly string[]): string;
}

const KEYS = {
  ec: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["rsa:2048"],
  rsa1024: ["rsa:1024"],
} as const;

/**
 * Makes an empty PKI in a folder; needs the openssl command.
 *
 * @param folder where its files go
 */
export function createOpensslPki(folder: string): OpensslPki {
  const run = (...args: readonly string[]): string => {
    const ended = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    if (ended.status !== 0) throw new Error(`openssl ${args.join(" ")}: ${ended.stderr}`);
    return ended.stdout;
  };
  // The system's own configuration would add extensions that nobody asked for.
  writeFileSync(join(folder, "req.cnf"), "[req]\ndistinguished_name = dn\n[dn]\n");
  return {
    folder,
    run,
    issue: ({ name, key = "ec", issuer, extensions = [], days = 30 }) => {
      const [certificateFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
      const signer = issuer && ["-CA", issuer.certificateFile, "-CAkey", issuer.keyFile];
      const files = ["-keyout", keyFile, "-out", certificateFile];
      const made = ["-nodes", "-newkey", ...KEYS[key], "-subj", `/CN=${name}`];
      const added = extensions.flatMap((each) => ["-addext", each]);
      const args = [...made, "-days", String(days), ...files, ...(signer ?? []), ...added];
      run("req", "-x509", "-config", "req.cnf", ...args);
      const [certificatePem, keyPem] = [certificateFile, keyFile].map((file) =>
        readFileSync(file, "utf8"),
      ) as [string, string];
      return { name, certificateFile, keyFile, certificatePem, keyPem };
    },
  };
}
