import { TautlineError } from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import type { DefineVerb } from "../noun.ts";
import { examineHost } from "./examine-host.ts";
import type { KeyOptions } from "./given-key.ts";
import { renderFindings, sortFindings, type Finding } from "./finding.ts";

interface DoctorOptions {
  readonly data?: string;
  readonly to?: string;
  readonly keyName?: string;
  readonly keyFile?: string;
  readonly keyNamespace?: string;
}

/** `tautline doctor`: findings about this host's central and agent; with `--to`, what another end accepts. */
export const doctor: DefineVerb = (command, context) => {
  command
    .description(
      "Looks for what is wrong with this host's central and agent; each finding says where, why it matters and " +
        "what to do. With --to: dials the other end at every level and says what it accepts, what it is, and the setting " +
        "to change; nothing there is changed. Exit code 1 if any finding is an error.",
    )
    .option(
      "--data <dir>",
      "a data folder (or TAUTLINE_DATA; otherwise central's and the agent's usual folders)",
    )
    .option("--to <host:port>", "dial this end instead; nothing secret is sent")
    .option("--key-name <name>", "with --to: prove this shared key at basic and advanced")
    .option("--key-file <file>", "its text, as an agent reads it ('-' for standard input)")
    .option("--key-namespace <name>", "the namespace it belongs to (default: default)")
    .addHelpText(
      "after",
      "\nExamples:\n  tautline doctor\n  tautline doctor --to central.example.org:9150" +
        "\n  tautline doctor --to central.example.org --key-name legacy --key-file /etc/tautline/key",
    )
    .action(async (options: DoctorOptions) => {
      if (options.to !== undefined) return await examineOtherEnd(options.to, options, context);
      refuseKeyWithoutEnd(options);
      const { findings, looked } = await examineHost(options.data, context);
      await printFindings(findings, looked, context);
    });
};

function refuseKeyWithoutEnd({ keyName, keyFile, keyNamespace }: DoctorOptions): void {
  if ((keyName ?? keyFile ?? keyNamespace) === undefined) return;
  const reason = "A key is proven to another end: --to names it";
  throw new TautlineError("cli.usage", { detail: { reason, command: "tautline doctor" } });
}

async function examineOtherEnd(
  address: string,
  options: KeyOptions,
  context: CommandContext,
): Promise<void> {
  const { examineEnd } = await import("./examine-end.ts");
  const { renderEnd } = await import("./end-page.ts");
  const { readGivenKey } = await import("./given-key.ts");
  const { output, now } = context;
  const key = await readGivenKey(options, context);
  const end = await examineEnd(address, now, { key });
  const findings = sortFindings(end.findings);
  await output.print(
    { ...end.report, findings },
    () =>
      `${renderEnd(end.report, now(), output.paint)}\n\n${renderFindings(findings, [end.report.address], output.paint)}`,
  );
  if (findings.some((finding) => finding.severity === "error")) context.endWith(1);
}

async function printFindings(
  found: readonly Finding[],
  looked: readonly string[],
  { output, endWith }: CommandContext,
): Promise<void> {
  const findings = sortFindings(found);
  await output.print({ findings, looked }, () => renderFindings(findings, looked, output.paint));
  if (findings.some((finding) => finding.severity === "error")) endWith(1);
}
