import { REVOCATION_REASONS, type RevocationReason } from "@tautline/pki";
import { Option } from "commander";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";

interface RevokeOptions extends CentralOptions {
  readonly reason: RevocationReason;
  readonly yes?: boolean;
}

/** `tautline certs revoke SERIAL` */
export const revokeCertificate: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("revoke one certificate and its key")
    .description(
      "Revokes one certificate: it is refused from now on, as is any other over the same key, it goes on its authority's " +
        "revocation list, and the links it carries are closed. It cannot be undone. To end an agent with all its " +
        "certificates use 'tautline agents revoke'. Of central's own certificate another one is made at once.",
    )
    .argument("<serial>", "lower-case hex, as 'tautline certs list' prints it")
    .addOption(
      new Option(
        "--reason <reason>",
        "what the revocation list says of it (RFC 5280 section 5.3.1)",
      )
        .choices(REVOCATION_REASONS)
        .default("unspecified"),
    )
    .option("--yes", "do not ask")
    .action(async (serial: string, options: RevokeOptions) => {
      const isSure = options.yes === true;
      await confirm(`Revoke certificate ${serial}? It cannot be undone.`, isSure, context);
      const { reason } = options;
      const client = createAdminClient(context, options);
      const revoked = await client.post({ path: ["certificates", serial, "revoke"] }, { reason });
      await context.output.print(
        revoked,
        () =>
          `Certificate ${serial} (${textOf(revoked, "name")}) is revoked; the links it carried are closed.`,
      );
    });
};
