import { parseKeyName } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { rowsOf, textOf, type Row } from "../row.ts";
import { renderPage, type PageLine } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";

interface ShowKeyOptions extends CentralOptions {
  readonly pskHex?: boolean;
}

/** `tautline keys show NAME`: its versions and who used which; with `--psk-hex` the derived bytes, which the trail then knows. */
export const showKey: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show one key and who used it")
    .description(
      "Shows one key, its versions, and which agent last used which version, when, at which level and from where. " +
        "With --psk-hex it prints instead the 32 bytes that are derived from the version in use, for a program that " +
        "speaks TLS-PSK, such as stunnel; the identity there is the key's name. That needs an admin and stands in the audit trail.",
    )
    .argument("<name>", "as 'tautline keys list' prints it")
    .option("--psk-hex", "print the derived bytes of the version in use, and nothing else")
    .action(async (nameText: string, options: ShowKeyOptions) => {
      const name = parseKeyName(nameText);
      const { output, now } = context;
      const client = createAdminClient(context, options);
      if (options.pskHex === true) {
        const exported = await client.post({ path: ["keys", name, "export"] });
        await output.print(exported, () => textOf(exported, "pskHex"));
        output.note(
          `Version ${textOf(exported, "version")} of key ${name}: a secret. The TLS-PSK identity is ${name}. This is audited.`,
        );
        return;
      }
      const key = await client.get({ path: ["keys", name] });
      await output.print(key, () => renderPage(linesOf(key, now()), output.paint));
    });
};

function linesOf(key: Row, nowMs: number): readonly PageLine[] {
  return [
    ["name", textOf(key, "name")],
    ["id", textOf(key, "id")],
    ["namespace", textOf(key, "namespace")],
    ["agent", textOf(key, "agent") || "any of the namespace"],
    ["created", `${timeAndDistance(key["createdAt"], nowMs)} by ${textOf(key, "createdBy")}`],
    ["last used", timeAndDistance(key["lastUsedAt"], nowMs)],
    ...rowsOf(key, "versions").map((version): PageLine => ["version", versionText(version, nowMs)]),
    ...rowsOf(key, "uses").map((use): PageLine => ["used by", useText(use, nowMs)]),
  ];
}

const STATES: Readonly<Record<string, string>> = {
  current: "in use, answers to the bare name",
  next: "installed, not in use yet",
  previous: "was in use before, opens links until it is removed",
};

function versionText(version: Row, nowMs: number): string {
  const { weakness = null, agents } = version;
  const state = textOf(version, "state");
  const words = [
    `${textOf(version, "version")}: ${STATES[state] ?? state}`,
    `made ${timeAndDistance(version["createdAt"], nowMs)}`,
    agents === 1 ? "1 agent" : `${textOf(version, "agents")} agents`,
    weakness === null ? "" : `weak: ${textOf(version, "weakness")}`,
  ];
  return words.filter(Boolean).join(", ");
}

function useText(use: Row, nowMs: number): string {
  const past = use["depends"] === true ? "" : ", and needs it no more";
  return (
    `${textOf(use, "agent")} version ${textOf(use, "version")} at ${textOf(use, "level")} ` +
    `${timeAndDistance(use["at"], nowMs)} from ${textOf(use, "remoteAddress")}${past}`
  );
}
