import { join } from "node:path";
import type { Paint } from "../output.ts";
import { renderPage } from "../table.ts";
import { timeText } from "../time-text.ts";

/** What a person needs to know once the fleet runs. */
export interface Welcome {
  /** URL that agents dial. */
  readonly agents: string;
  /** URL of console and API. */
  readonly console: string;
  readonly agent: { readonly id: string; readonly level: string; readonly group: string };
  /** Token of the next host; one use. */
  readonly next: { readonly token: string; readonly expiresAt: string };
  /** Absolute path of the data folder, and as the caller wrote it. */
  readonly folder: string;
  readonly shownFolder: string;
  /** How the caller starts this command: `./bin/tautline` or `tautline`. */
  readonly tautline: string;
}

/**
 * Renders the few lines that quickstart ends its start with.
 *
 * @param welcome what to tell
 * @param paint for names and headings
 */
export function renderWelcome(welcome: Welcome, paint: Paint): string {
  const { agent, next, shownFolder, tautline } = welcome;
  const at = `--data ${shownFolder}`;
  const facts = renderPage(
    [
      ["console and API", welcome.console],
      ["agents dial", welcome.agents],
      ["this host's agent", linkText(agent)],
      [
        "data and logs",
        `${shownFolder} (${join(shownFolder, "central.log")}, ${join(shownFolder, "agent.log")})`,
      ],
    ],
    paint,
  );
  return [
    paint("bold", "Tautline is running."),
    indent(facts),
    `Join the next host (one use, until ${timeText(next.expiresAt)}), there:`,
    indent(`${tautline} agent join ${next.token} --run`),
    "Look around, in another terminal:",
    indent(
      ["agents list", "links list", "audit list", "doctor"]
        .map((verb) => `${tautline} ${verb} ${at}`)
        .join("\n"),
    ),
    "Ctrl-C stops the agent, then central. The next start goes on with the same fleet.",
  ].join("\n\n");
}

function linkText({ id, level, group }: Welcome["agent"]): string {
  if (level === "") return `${id}, connected`;
  return `${id}, connected: ${level}, ${group || "group not known"}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
