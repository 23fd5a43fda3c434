import { formatHostPort, type HostPort } from "@tautline/link";
import { parseOperatorToken, TautlineError } from "@tautline/protocol";
import { InvalidArgumentError } from "commander";
import { createClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { readContexts, type StoredContext, writeContexts } from "../contexts/context-store.ts";
import { contextTransport } from "../contexts/context-transport.ts";
import { contextRow } from "../contexts/contexts.ts";
import { readInput } from "../input-file.ts";
import type { DefineVerb } from "../noun.ts";
import { asText, textOf, type Row } from "../row.ts";
import { parseConsoleUrl } from "./console-url.ts";
import { readShownRoot } from "./shown-root.ts";

interface LoginOptions {
  readonly tokenFile?: string;
  readonly name?: string;
  readonly rootPin?: string;
}

const TIMEOUT_MS = 15_000;
const MAX_TOKEN_BYTES = 1_024;

/** `tautline login URL`: proves central by a root that a person or `--root-pin` confirms, and keeps the token for later verbs. */
export const login: DefineVerb = (command, context) => {
  command
    .description(
      "Logs in to a central elsewhere and keeps the login as a context, which later verbs use. The token is sent only after central " +
        "has proven itself by its root. The first time you are asked whether the root is the right one: compare the pin with " +
        "'tautline status' on central's own host.",
    )
    .argument("<url>", "central's console port, such as https://central.example.org:8443")
    .option(
      "--token-file <file>",
      "holds the operator's token; - for standard input (or TAUTLINE_TOKEN)",
    )
    .option("--name <name>", "what the context is called (default: central's host)", nameValue)
    .option("--root-pin <hex>", "the pin of central's root, instead of being asked", pinValue)
    .addHelpText(
      "after",
      "\nExample:\n  tautline login https://central.example.org:8443 --token-file token",
    )
    .action(async (url: string, options: LoginOptions) => {
      const address = parseConsoleUrl(url);
      const token = await readToken(options.tokenFile, context);
      const stored = await prove(address, { ...options, token }, context);
      const { items } = readContexts(context.environment);
      const others = items.filter(({ name }) => name !== stored.context.name);
      const { name } = stored.context;
      writeContexts(context.environment, { current: name, items: [...others, stored.context] });
      const { role, namespace } = stored.who;
      await context.output.print(
        { ...contextRow(stored.context, name), role, namespace },
        () =>
          `Logged in to ${url} as ${stored.context.operator}: ${asText(role)} of ${asText(namespace) || "every namespace"}. Context ${name} is in use.`,
      );
    });
};

async function prove(
  address: HostPort,
  options: LoginOptions & { readonly token: string },
  context: CommandContext,
): Promise<{ readonly context: StoredContext; readonly who: Row }> {
  const shown = await readShownRoot(address, TIMEOUT_MS);
  const where = formatHostPort(address.host, address.port);
  const name = options.name ?? address.host;
  const known = readContexts(context.environment).items.find((item) => item.name === name);
  const isKnown = known?.rootPin === shown.pin && known.trustDomain === shown.trustDomain;
  if (options.rootPin !== undefined) {
    if (options.rootPin !== shown.pin) {
      const detail = { address: where, who: "--root-pin" };
      throw new TautlineError("cli.root_mismatch", { detail });
    }
  } else if (!isKnown) await confirmRoot(where, shown.pin, context);
  const { trustDomain, pin: rootPin } = shown;
  const candidate = { name, ...address, trustDomain, rootPin, token: options.token };
  const patience = { now: context.now, timeoutMs: TIMEOUT_MS };
  const who = await createClient(contextTransport(candidate, patience)).get({ path: ["whoami"] });
  return { context: { ...candidate, operator: textOf(who, "name") }, who };
}

async function confirmRoot(address: string, pin: string, context: CommandContext): Promise<void> {
  if (!context.interactive || context.output.json) {
    throw new TautlineError("cli.root_unconfirmed", { detail: { address, pin } });
  }
  context.output.note(
    `${address} shows a root with the pin (SHA-256)\n\n  ${pin}\n\nOn central's own host 'tautline status' prints its root pin.`,
  );
  await confirm("Are they the same?", false, context);
}

async function readToken(file: string | undefined, context: CommandContext): Promise<string> {
  const text =
    file === undefined
      ? context.environment.token
      : (await readInput(file, MAX_TOKEN_BYTES, context)).toString("utf8");
  if (text === undefined) throw new TautlineError("cli.login_token_missing");
  const token = text.trim();
  if (parseOperatorToken(token) === undefined) throw new TautlineError("value.operator_token");
  return token;
}

function nameValue(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/.test(text)) return text;
  throw new InvalidArgumentError("Use 1 to 64 letters, digits and . _ : - .");
}

function pinValue(text: string): string {
  const pin = text.toLowerCase().replaceAll(":", "");
  if (/^[0-9a-f]{64}$/.test(pin)) return pin;
  throw new InvalidArgumentError(
    "Write the 64 hexadecimal characters that 'tautline status' prints.",
  );
}
