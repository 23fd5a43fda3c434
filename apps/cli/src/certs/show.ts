import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import { renderPage } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";

/** `tautline certs show SERIAL` */
export const showCertificate: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show one certificate")
    .description("Shows one certificate that central issued.")
    .argument("<serial>", "lower-case hex, as 'tautline certs list' prints it")
    .action(async (serial: string, options: CentralOptions) => {
      const { output, now } = context;
      const client = createAdminClient(context, options);
      const certificate = await client.get({ path: ["certificates", serial] });
      const end = (key: string): string => timeAndDistance(certificate[key], now());
      await output.print(certificate, () => {
        const page = renderPage(
          [
            ["serial", textOf(certificate, "serial")],
            ["name", textOf(certificate, "name")],
            ["agent", textOf(certificate, "agent") || undefined],
            ["purpose", textOf(certificate, "purpose")],
            ["from", end("notBefore")],
            ["ends", end("notAfter")],
            ["revoked", end("revokedAt") || "no"],
            ["reason", textOf(certificate, "revokedReason") || undefined],
          ],
          output.paint,
        );
        // On its own and not indented, so that it can be copied into a file.
        return `${page}\n\n${textOf(certificate, "pem")}`.trimEnd();
      });
    });
};
