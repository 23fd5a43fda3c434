import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { rowOf, rowsOf, textOf, type Row } from "../row.ts";
import { renderPage, type PageLine } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";

/** `tautline status`: the running central at a glance; its addresses are what agents must dial. */
export const status: DefineVerb = (command, context) => {
  withCentral(command)
    .description(
      "Shows the running central at a glance: where it listens, the pin of its root, and how much it holds.",
    )
    .action(async (options: CentralOptions) => {
      const { output, now } = context;
      const answer = await createAdminClient(context, options).get({ path: ["status"] });
      await output.print(answer, () => renderPage(statusLines(answer, now()), output.paint));
    });
};

function statusLines(central: Row, nowMs: number): readonly PageLine[] {
  const counts = rowOf(central, "counts");
  return [
    ["version", textOf(central, "version")],
    ["trust domain", textOf(central, "trustDomain")],
    ["started", timeAndDistance(central["startedAt"], nowMs)],
    ["agents dial", textOf(central, "agents")],
    ["plaintext", textOf(central, "plaintext") || undefined],
    ["console and API", textOf(central, "console")],
    ["root pin", textOf(central, "rootPin")],
    ["data", textOf(central, "dataDir")],
    ["agents", textOf(counts, "agents")],
    ["live links", textOf(counts, "links")],
    ["open tokens", textOf(counts, "tokens")],
    ...receiverLines(rowOf(central, "receiver")),
  ];
}

/** Nothing is said of telemetry where there is none. */
function receiverLines(receiver: Row): readonly PageLine[] {
  const backends = rowOf(receiver, "backends");
  const counted = ["ready", "idle", "out"]
    .filter((state) => Number(backends[state] ?? 0) > 0)
    .map((state) => `${textOf(backends, state)} ${state}`);
  const links = rowsOf(receiver, "links").map(
    (each) => `${textOf(each, "links")} at ${textOf(each, "level")}`,
  );
  return [
    ["telemetry", textOf(receiver, "addresses") || undefined],
    ["backends", counted.join(", ") || undefined],
    ["telemetry links", links.join(", ") || undefined],
  ];
}
