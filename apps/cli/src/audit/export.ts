import { withCentral, type CentralOptions } from "../central-verb.ts";
import { findWay } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { readCentralTrail } from "./trail-source.ts";

interface ExportOptions extends CentralOptions {
  readonly since?: number;
  readonly follow?: boolean;
}

/** `tautline audit export`: JSON lines on standard output, as fast as their reader takes them. */
export const exportAudit: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("write the trail as JSON lines, to keep elsewhere")
    .description(
      "Writes every entry as it was hashed, one JSON object a line, and the signed checkpoints between them. 'audit verify --file' " +
        "checks it without a central.",
    )
    .option("--since <duration>", "only the last 15m, 24h, 30d, ...", durationValue)
    .option("--follow", "go on with what is written next, until SIGTERM or Ctrl-C")
    .action(async (options: ExportOptions) => {
      const { output, now } = context;
      const since =
        options.since === undefined ? undefined : new Date(now() - options.since).toISOString();
      const { stop } = context.takeSignals();
      const way = await findWay(context, options);
      const order = { since, isFollowed: options.follow === true };
      try {
        for await (const { text } of readCentralTrail(way, order, stop)) {
          await output.paced(`${text}\n`);
        }
      } catch (error) {
        // Stopped: what was written is whole lines.
        if (!stop.aborted) throw error;
      }
    });
};
