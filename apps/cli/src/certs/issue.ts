import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeFileSet } from "@tautline/daemon";
import { createCsr, createKeyPair, exportPrivateKey } from "@tautline/pki";
import { parseCertifiedName, TautlineError } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { timeText } from "../time-text.ts";
import {
  type ChosenNames,
  fileNamesFor,
  fileNamesValue,
  severalValues,
  useOf,
} from "./file-names.ts";

interface IssueOptions extends CentralOptions {
  readonly name: readonly string[];
  readonly server?: true;
  readonly client?: true;
  readonly namespace?: string;
  readonly lifetime?: number;
  readonly wildcard?: true;
  readonly out: string;
  readonly fileNames?: ChosenNames;
  readonly force?: true;
}

/** `tautline certs issue`: a key made here, and a certificate for it, as files for a program that is none of ours. */
export const issueCertificate: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("make a key and a certificate for another program")
    .description(
      "Makes a key on this host, has central certify it for names on the network, and writes server.crt (with the " +
        "intermediate), server.pem (PKCS#8, mode 0600) and ca.crt; with --client alone client.crt and client.pem. Central " +
        "never sees the key. Such a certificate is renewed by nobody: where an agent runs, its agent.yaml keeps them " +
        "renewed. It opens no link of Tautline's own.",
    )
    .requiredOption(
      "--name <dns|ip>",
      "a DNS name or IP address; may be repeated, the first is the subject",
      severalValues,
    )
    .option("--server", "for a server (what is meant where neither is said)")
    .option("--client", "for a client; with --server for both in one certificate")
    .option("--namespace <name>", "it belongs there, and its names must be allowed there")
    .option("--lifetime <duration>", "until its end (default: 90d; at most 397d)", durationValue)
    .option("--wildcard", "a name that begins with *. is meant")
    .requiredOption("--out <dir>", "folder for the files; made where it is missing")
    .option("--file-names <names>", "cert=NAME,key=NAME,ca=NAME", fileNamesValue)
    .option("--force", "replace files that are there")
    .addHelpText(
      "after",
      "\nExample:\n  tautline certs issue --name db.example.org --name 10.0.0.5 --out /etc/postgresql/tls",
    )
    .action((options: IssueOptions) => issue(options, context));
};

async function issue(options: IssueOptions, context: CommandContext): Promise<void> {
  for (const name of options.name) parseCertifiedName(name);
  const use = useOf(options);
  const names = fileNamesFor(use, options.fileNames ?? {});
  const folder = resolve(context.cwd, options.out);
  const isForced = options.force === true;
  // Before a certificate is made that nobody could use.
  if (!isForced) refuseExisting(folder, Object.values(names));
  const { privateKey } = createKeyPair("p256");
  const { lifetime: lifetimeMs, namespace } = options;
  const issued = await createAdminClient(context, options).post(
    { path: ["certificates"] },
    {
      csr: createCsr(privateKey),
      names: options.name,
      use,
      ...(namespace !== undefined && { namespace }),
      ...(lifetimeMs !== undefined && { lifetimeMs }),
      ...(options.wildcard && { wildcard: true }),
    },
  );
  const [chain, roots] = [textOf(issued, "chainPem"), textOf(issued, "rootsPem")];
  writeFileSet(
    [
      { name: names.key, content: exportPrivateKey(privateKey), mode: 0o600 },
      { name: names.cert, content: chain, mode: 0o644 },
      { name: names.ca, content: roots, mode: 0o644 },
    ],
    { folder, replace: isForced },
  );
  const { chainPem: _chain, rootsPem: _roots, ...row } = issued;
  const files = {
    cert: join(folder, names.cert),
    key: join(folder, names.key),
    ca: join(folder, names.ca),
  };
  await context.output.print({ ...row, files }, () =>
    [
      `Certificate ${textOf(issued, "serial")} for ${textOf(issued, "name")} ends ${timeText(issued["notAfter"])}.`,
      `${files.cert}: the certificate and the intermediate`,
      `${files.key}: its key (mode 0600)`,
      `${files.ca}: the root that checks it`,
    ].join("\n"),
  );
}

function refuseExisting(folder: string, names: readonly string[]): void {
  const file = names.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (file !== undefined) {
    throw new TautlineError("certificate.file_exists", { detail: { file } });
  }
  if (new Set(names).size === names.length) return;
  const reason = "--file-names names one file twice";
  throw new TautlineError("cli.usage", { detail: { reason, command: "tautline certs issue" } });
}
