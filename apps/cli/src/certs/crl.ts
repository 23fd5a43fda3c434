import { decodePemBlock } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import { Option } from "commander";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient, type AdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { writeOutput } from "../output-file.ts";
import { textOf, type Row } from "../row.ts";
import { timeText } from "../time-text.ts";

interface CrlOptions extends CentralOptions {
  readonly namespace: string;
  readonly out?: string;
  readonly form: "pem" | "der";
}

/** `tautline certs crl [AUTHORITY]` */
export const writeCrl: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("write an authority's revocation list")
    .description(
      "Writes the newest revocation list (RFC 5280) of an authority: the one that certifies a namespace's agents, or the one " +
        "whose id is given. Anybody may also fetch it from the console port, at /crl/ID.crl.",
    )
    .argument("[authority]", "an id, as 'tautline certs authority' prints it")
    .option("--namespace <name>", "whose agents' authority, where no id is given", "default")
    .option("--out <file>", "where to; standard output otherwise")
    .addOption(
      new Option("--form <form>", "how it is written; DER needs --out")
        .choices(["pem", "der"])
        .default("pem"),
    )
    .addHelpText(
      "after",
      "\nExample:\n  tautline certs crl --out agents.crl && tautline verify-chain … --crl agents.crl",
    )
    .action(async (authority: string | undefined, options: CrlOptions) => {
      const { output } = context;
      const { out, form } = options;
      if (form === "der" && out === undefined) {
        const detail = { reason: "--form der needs --out FILE", command: "tautline certs crl" };
        throw new TautlineError("cli.usage", { detail });
      }
      const client = createAdminClient(context, options);
      const id = authority ?? (await agentsAuthority(client, options.namespace));
      const list = await client.get({ path: ["authorities", id, "crl"] });
      const pem = textOf(list, "pem");
      if (out === undefined) return output.print(list, () => pem);
      await writeOutput(out, form === "der" ? decodePemBlock(pem) : pem, context);
      await output.print({ ...list, file: out }, () => `${out}: ${describe(list)}`);
    });
};

async function agentsAuthority(client: AdminClient, namespace: string): Promise<string> {
  const authorities = await client.list({ path: ["authorities"] });
  const own = authorities.find(
    (row) =>
      textOf(row, "kind") === "agents" &&
      textOf(row, "namespace") === namespace &&
      textOf(row, "retiredAt") === "",
  );
  if (own !== undefined) return textOf(own, "id");
  const detail = { thing: "namespace", id: namespace, noun: "namespaces" };
  throw new TautlineError("api.not_found", { detail });
}

function describe(list: Row): string {
  const entries = Number(list["entries"]);
  return `list ${textOf(list, "number")} with ${entries === 1 ? "one entry" : `${entries} entries`}, good until ${timeText(list["nextUpdate"])}.`;
}
