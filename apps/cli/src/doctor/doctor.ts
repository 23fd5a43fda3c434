import type { CommandContext } from "../context.ts";
import type { DefineVerb } from "../noun.ts";
import { examineHost } from "./examine-host.ts";
import { renderFindings, sortFindings, type Finding } from "./finding.ts";

interface DoctorOptions {
  readonly data?: string;
  readonly to?: string;
}

/** `tautline doctor`: findings about this host's central and agent; with `--to`, what another end accepts. */
export const doctor: DefineVerb = (command, context) => {
  command
    .description(
      "Looks for what is wrong with this host's central and agent; each finding says where, why it matters and " +
        "what to do. With --to: dials the other end and says what it accepts. Exit code 1 if any finding is an error.",
    )
    .option(
      "--data <dir>",
      "a data folder (or TAUTLINE_DATA; otherwise central's and the agent's usual folders)",
    )
    .option("--to <host:port>", "dial this end instead; nothing secret is sent")
    .addHelpText(
      "after",
      "\nExamples:\n  tautline doctor\n  tautline doctor --to central.example.org:9150",
    )
    .action(async (options: DoctorOptions) => {
      if (options.to !== undefined) return await examineOtherEnd(options.to, context);
      const { findings, looked } = await examineHost(options.data, context);
      await printFindings(findings, looked, context);
    });
};

async function examineOtherEnd(address: string, context: CommandContext): Promise<void> {
  const { examineEnd } = await import("./examine-end.ts");
  const { renderEnd } = await import("./end-page.ts");
  const { output, now } = context;
  const end = await examineEnd(address, now);
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
