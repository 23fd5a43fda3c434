import { parseAgentId } from "@tautline/protocol";
import { InvalidArgumentError } from "commander";
import { type CentralOptions, withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { sinceTime } from "../links/history.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { rowOf, textOf } from "../row.ts";
import { scopeText } from "./change-text.ts";
import { totalsText } from "./plan-text.ts";
import { printEnd, watchChange } from "./watch-change.ts";
import { wantedOrder, type WantedOptions, withWantedFlags } from "./wanted-flags.ts";

interface ApplyOptions extends CentralOptions, WantedOptions {
  readonly since?: number;
  readonly allowCutOff?: readonly string[];
  readonly allowUnknown?: boolean;
  readonly window?: number;
  readonly undoIf?: number;
  readonly undo: boolean;
  readonly wait: boolean;
}

/** `tautline policy apply`: what was planned is done, watched, and taken back where agents do not come along. */
export const applyPolicy: DefineVerb = (command, context) => {
  withWantedFlags(withCentral(command))
    .summary("set a policy in watched steps, and take it back where agents are lost")
    .description(
      "Sets a policy as 'policy plan' has planned it. First what it needs is listened to, then agents are told to climb, then what it does not accept is " +
        "closed, and everybody who was linked is watched. An agent that does not come along is let use what it used before, by an exception of its own; where " +
        "more than a share of them are lost, everything is as before. It is refused while anybody would be cut off who is not named, or was not seen for so long that nobody knows. It goes on by itself " +
        "whether this command runs or not, and after a restart of central too.",
    )
    .option(
      "--since <duration>",
      "plan by the links of the last 24h, 30d, ... (default: 30d)",
      durationValue,
    )
    .option("--allow-cut-off <ids>", "agents that may be cut off, with commas between", agentIds)
    .option(
      "--allow-unknown",
      "agents that were not seen in that time may be cut off, whoever they are",
    )
    .option(
      "--window <duration>",
      "watch agents for so long; half of it they have to climb (default: 15m)",
      durationValue,
    )
    .option(
      "--undo-if <percent>",
      "take all back where more of the watched agents are lost (default: 5)",
      percentValue,
    )
    .option("--no-undo", "take nothing back and let nobody back, for incidents")
    .option("--no-wait", "do not watch it here")
    .addHelpText(
      "after",
      "\nExamples:\n  tautline policy apply --floor mtls\n" +
        "  tautline policy apply --floor tls --window 1h --undo-if 1\n" +
        "  tautline policy apply --floor mtls --allow-cut-off 0197d3b1-7c00-7abc-8def-0123456789ab --no-wait",
    )
    .action(async (options: ApplyOptions) => {
      const { output, now } = context;
      const order = orderOf(options, now());
      const target = { path: ["policy", "apply"] };
      const begun = await createAdminClient(context, options).post(target, order);
      const id = textOf(begun, "id");
      if (!options.wait) {
        const text = `Change ${id} of the policy of ${scopeText(begun)} has begun: 'tautline policy history ${id}' shows it.`;
        await output.print(begun, () => text);
        return;
      }
      const totals = totalsText(rowOf(begun, "totals"));
      output.note(`Change ${id} of the policy of ${scopeText(begun)} has begun: ${totals}.`);
      await printEnd(context, await watchChange(context, options, begun), "done");
    });
};

function orderOf(options: ApplyOptions, nowMs: number): Readonly<Record<string, unknown>> {
  const { since, allowCutOff, allowUnknown, window, undoIf, undo } = options;
  return {
    ...wantedOrder(options, "tautline policy apply"),
    ...(since !== undefined && { since: sinceTime(since, nowMs) }),
    ...(allowCutOff !== undefined && { allowCutOff }),
    ...(allowUnknown !== undefined && { allowUnknown }),
    ...(window !== undefined && { windowMs: window }),
    ...(undoIf !== undefined && { undoIf }),
    ...(!undo && { undo }),
  };
}

function agentIds(text: string): readonly string[] {
  return text.split(",").map((id) => parseAgentId(id.trim()));
}

/** Reads a percentage for commander. */
function percentValue(text: string): number {
  const value = /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 100) return value;
  throw new InvalidArgumentError("Write a percentage from 0 to 100, such as 5 or 0.5.");
}
