import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  certificatesFromPem,
  type ChainPurpose,
  type ExpectedName,
  type IsRevoked,
  readCrl,
  spkiPin,
  verifyChain,
} from "@tautline/pki";
import { parseSpiffeId, TautlineError } from "@tautline/protocol";
import { Option } from "commander";
import type { CommandContext } from "../context.ts";
import { readInput } from "../input-file.ts";
import type { DefineVerb } from "../noun.ts";
import { timeValue } from "../option-values.ts";
import { renderPage } from "../table.ts";

interface VerifyChainOptions {
  readonly roots: string;
  readonly chain: string;
  readonly name: string;
  readonly time?: number;
  readonly purpose: ChainPurpose;
  readonly crl?: string;
}

const MAX_PEM_BYTES = 1024 * 1024;
const MAX_CRL_BYTES = 64 * 1024 * 1024;

/** `tautline verify-chain`: judges a chain by the rules that central and agents use; exit 1 and the reason if it is refused. */
export const verifyChainVerb: DefineVerb = (command, context) => {
  command
    .description(
      "Judges a certificate chain by the rules that central and agents use on every link: signatures, times, purpose, " +
        "name constraints, path length, key strength, revocation. Exit code 0 if it is accepted, 1 with the reason if not.",
    )
    .requiredOption("--roots <file>", "PEM file of the trusted roots")
    .requiredOption("--chain <file>", "PEM file of the chain, leaf first (- for standard input)")
    .requiredOption(
      "--name <name>",
      "whom the leaf must name: a SPIFFE ID, a DNS name or an IP address",
    )
    .addOption(
      new Option("--purpose <purpose>", "which end of a link it is for")
        .choices(["client", "server"])
        .makeOptionMandatory(),
    )
    .option("--time <time>", "judge as of this time, RFC 3339 (default: now)", timeValue)
    .option("--crl <file>", "revocation list, PEM or DER, by an issuer of the chain")
    .action(async (options: VerifyChainOptions) => await judge(options, context));
};

async function judge(options: VerifyChainOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const roots = await readCertificates(options.roots, context);
  const [leaf, ...intermediates] = await readCertificates(options.chain, context);
  if (leaf === undefined) throw noCertificate(options.chain);
  const at = new Date(options.time ?? context.now());
  const question = {
    leaf,
    intermediates,
    roots,
    at,
    purpose: options.purpose,
    expect: expectedName(options.name),
  };
  let verdict = verifyChain(question);
  if (verdict.ok && options.crl !== undefined) {
    const isRevoked = await readRevocation(options.crl, verdict.path, at, context);
    verdict = verifyChain({ ...question, isRevoked });
  }
  if (!verdict.ok) throw verdict.error;
  const { path, serial, spiffeId } = verdict;
  const subjects = path.map((certificate) => certificate.subject.replaceAll("\n", ", "));
  await output.print({ ok: true, spiffeId, serial, path: subjects }, () =>
    renderPage(
      [
        ["verdict", "accepted"],
        ["spiffe id", spiffeId ?? undefined],
        ["serial", serial],
        ["path", subjects.join("\n")],
      ],
      output.paint,
    ),
  );
}

async function readCertificates(
  file: string,
  context: CommandContext,
): Promise<readonly X509Certificate[]> {
  const certificates = certificatesFromPem(
    (await readInput(file, MAX_PEM_BYTES, context)).toString("utf8"),
  );
  if (certificates.length === 0) throw noCertificate(file);
  return certificates;
}

function noCertificate(file: string): TautlineError {
  const reason = "it holds no certificate in PEM";
  return new TautlineError("cli.file_unreadable", { detail: { file, reason } });
}

function expectedName(name: string): ExpectedName {
  if (name.includes("://")) {
    parseSpiffeId(name);
    return { spiffeId: name };
  }
  return isIP(name) === 0 ? { dnsName: name } : { ipAddress: name };
}

/** A list that judges no certificate of the chain proves nothing, so it is refused rather than ignored. */
async function readRevocation(
  file: string,
  path: readonly X509Certificate[],
  at: Date,
  context: CommandContext,
): Promise<IsRevoked> {
  const bytes = await readInput(file, MAX_CRL_BYTES, context);
  const isPem = bytes.subarray(0, 11).toString("latin1") === "-----BEGIN ";
  const list = readCrl(isPem ? bytes.toString("latin1") : bytes);
  const issuer = path.slice(1).find((certificate) => list.issuerMatches(certificate));
  if (issuer === undefined) {
    throw new TautlineError("cli.crl_not_for_chain", { detail: { file } });
  }
  list.verify(issuer, at);
  const issuerPin = spkiPin(issuer).toString("hex");
  return (pin, serial) => pin === issuerPin && list.isRevoked(serial);
}
