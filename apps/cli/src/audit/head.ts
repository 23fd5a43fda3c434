import { checkpointFromJson, parseAuditCheckpoint, TautlineError } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { renderPage } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";

/** `tautline audit head`: the newest signed checkpoint; with `--json` a file for `audit verify --against`. */
export const showAuditHead: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the newest signed checkpoint")
    .description(
      "Shows the newest signed checkpoint of the trail. Keep what --json prints somewhere else: 'audit verify --against' finds " +
        "from it whether the trail was rewritten, cut off or restored since.",
    )
    .action(async (options: CentralOptions) => {
      const { output, now } = context;
      const head = await createAdminClient(context, options).get({ path: ["audit", "head"] });
      const signed = checkpointFromJson(head);
      if (signed === undefined) {
        const detail = { request: "GET audit/head", reason: "it is no checkpoint" };
        throw new TautlineError("cli.central_unreadable", { detail });
      }
      const {
        number,
        seq,
        head: hash,
        atMs,
        trustDomain,
        central,
      } = parseAuditCheckpoint(signed.body);
      await output.print(head, () =>
        renderPage(
          [
            ["checkpoint", String(number)],
            ["entry", String(seq)],
            ["hash", hash],
            ["signed", timeAndDistance(atMs, now())],
            ["central", `${central} of ${trustDomain}`],
          ],
          output.paint,
        ),
      );
    });
};
