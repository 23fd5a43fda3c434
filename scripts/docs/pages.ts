import { agentConfigExample, agentConfigReference } from "@tautline/agent/main";
import { centralConfigExample, centralConfigReference } from "@tautline/central/main";
import {
  AGENT_SETTINGS_KEYS,
  CARRY_LIMITS,
  ERROR_CATALOGUE,
  LIMITS,
  TELEMETRY_CLAIM_LIMITS,
  type ErrorEntry,
  type Limit,
} from "@tautline/protocol";
import { formatCode, formatTable, formatText } from "./markdown.ts";

const NOTE = "<!-- Written by `npm run generate` from the code; edits here are lost. -->\n";

/** Every page of docs/reference that is written from the code: path from the root to content. */
export function referencePages(): Map<string, string> {
  return new Map([
    ["docs/reference/errors.md", errorsPage(ERROR_CATALOGUE)],
    ["docs/reference/limits.md", limitsPage()],
    ["docs/reference/agent-settings.md", agentSettingsPage()],
    [
      "docs/reference/central-config.md",
      configPage(centralConfigReference(), "central", centralConfigExample()),
    ],
    [
      "docs/reference/agent-config.md",
      configPage(agentConfigReference(), "agent", agentConfigExample()),
    ],
  ]);
}

/**
 * The page of errors, one table an area.
 *
 * @param catalogue entries by code `area.situation`
 */
export function errorsPage(catalogue: Readonly<Record<string, ErrorEntry>>): string {
  const areas = Map.groupBy(Object.entries(catalogue), ([code]) => code.split(".")[0] ?? "");
  const tables = [...areas].map(([area, entries]) => {
    const rows = entries.map(([code, { sentence, remedy, status, exit }]) => [
      formatCode(code),
      formatText(sentence),
      formatText(remedy),
      String(status),
      String(exit),
    ]);
    return `## ${area}\n\n${formatTable(["code", "what it says", "what to do", "HTTP", "exit"], rows)}`;
  });
  return `# Errors\n\n${NOTE}\n${ERRORS_INTRODUCTION}\n${tables.join("\n")}`;
}

const ERRORS_INTRODUCTION = `Every refusal has a code, a sentence and what to do, on both ends. A code is never given a second meaning.
Words in \`{braces}\` are filled in where the error happens. *HTTP* is the status of the problem document (RFC 9457) it travels in;
*exit* is what the command ends with: 1 refused or failed, 2 usage, 3 central not reachable, 4 the vault cannot be opened.
`;

function limitsPage(): string {
  const introduction =
    "What one message, name or list may measure. Each is judged before anything is set aside for it, and has a test that exceeds it by one.\n";
  const carried =
    "What a caller may take whose telemetry is carried to a backend, where nothing else is said.\n";
  const claimed =
    "How much is looked at of it at a backend that asks who it claims to be from ([claims](receiver.md#claims)).\n";
  return [
    `# Limits\n\n${NOTE}\n${introduction}\n${limitsTable(LIMITS)}`,
    `## Telemetry\n\n${carried}\n${limitsTable(CARRY_LIMITS)}`,
    `## Claims of telemetry\n\n${claimed}\n${limitsTable(TELEMETRY_CLAIM_LIMITS)}`,
  ].join("\n");
}

function limitsTable(limits: Readonly<Record<string, Limit>>): string {
  const rows = Object.entries(limits).map(([name, { value, unit, why }]) => [
    formatCode(name),
    String(value),
    unit,
    formatText(why),
  ]);
  return formatTable(["limit", "value", "unit", "why"], rows);
}

function agentSettingsPage(): string {
  const rows = Object.entries(AGENT_SETTINGS_KEYS).map(([name, key]) => [
    formatCode(name),
    formatText(key.meaning),
    key.type,
    key.unit ?? "",
    formatText(key.range),
    formatCode(key.default),
  ]);
  const head = ["key", "meaning", "written as", "unit", "range", "default"];
  return `# Agent settings\n\n${NOTE}\n${AGENT_SETTINGS_INTRODUCTION}\n${formatTable(head, rows)}`;
}

const AGENT_SETTINGS_INTRODUCTION = `What central may set on its agents, by signed instruction: \`tautline settings set agents.<key> VALUE\`, with \`--namespace NS\`
for the agents of one namespace. A *word* is written bare, the others as JSON. No key carries a command, a user or a path.
`;

function configPage(reference: string, app: string, example: string): string {
  const [heading = "", ...rest] = reference.split("\n");
  const body = rest.join("\n").trim();
  return [
    heading,
    "",
    `${NOTE}\nThe file is optional; a key that is not listed here is an error, named with its path.`,
    `\`tautline config check FILE\` says whether a file is sound.\n`,
    body,
    `\n## Every key, with its default\n\n\`tautline config example ${app}\` prints this:\n`,
    `\`\`\`yaml\n${example.trim()}\n\`\`\``,
    "",
  ].join("\n");
}
