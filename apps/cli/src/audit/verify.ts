import { TautlineError } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";

/** `tautline audit verify`: recomputes the hash chain over every entry; exit 1 if it is broken. */
export const verifyAudit: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("check that nobody changed the trail")
    .description(
      "Recomputes the chain of hashes over every entry. Note the head it prints somewhere else: a later trail " +
        "that does not contain it was replaced as a whole.",
    )
    .action(async (options: CentralOptions) => {
      const verdict = await createAdminClient(context, options).get({
        path: ["audit", "verify"],
      });
      if (verdict["ok"] !== true) {
        const detail = { at: textOf(verdict, "at"), reason: textOf(verdict, "reason") };
        throw new TautlineError("cli.audit_broken", { detail });
      }
      await context.output.print(
        verdict,
        () =>
          `All ${textOf(verdict, "count")} entries are intact. Head: ${textOf(verdict, "head")}`,
      );
    });
};
