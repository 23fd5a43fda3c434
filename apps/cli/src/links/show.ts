import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { groupText } from "../group-text.ts";
import type { DefineVerb } from "../noun.ts";
import { offerText } from "../offer-text.ts";
import { textOf, type Row } from "../row.ts";
import { renderPage, type PageLine } from "../table.ts";
import { timeAndDistance, timeText } from "../time-text.ts";

/** `tautline links show ID`: the whole evidence of one link. */
export const showLink: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show one connection's evidence")
    .description("Shows what one connection really negotiated, as central saw it on its own end.")
    .argument("<id>", "as 'tautline links list' prints it")
    .action(async (id: string, options: CentralOptions) => {
      const { output, now } = context;
      const link = await createAdminClient(context, options).get({ path: ["links", id] });
      await output.print(link, () => renderPage(linkLines(link, now()), output.paint));
    });
};

function linkLines(link: Row, nowMs: number): readonly PageLine[] {
  return [
    ["id", textOf(link, "id")],
    ["kind", textOf(link, "kind")],
    ["agent", textOf(link, "agent")],
    ["component", textOf(link, "component")],
    ["transport", textOf(link, "transport")],
    ["from", textOf(link, "remoteAddress")],
    ["level", textOf(link, "level")],
    ["protocol", textOf(link, "protocol")],
    ["cipher", textOf(link, "cipher")],
    ["group", groupText(link)],
    ["post-quantum", textOf(link, "pq")],
    ["forward secret", textOf(link, "forwardSecret")],
    ["central proven", textOf(link, "serverProven")],
    ["agent proven", textOf(link, "clientProven")],
    ["peer", textOf(link, "peerId")],
    ["peer's serial", textOf(link, "peerSerial")],
    ["key", textOf(link, "keyId")],
    ["since", timeAndDistance(link["since"], nowMs)],
    ["last message", timeAndDistance(link["lastMessageAt"], nowMs)],
    ...streamLines(link),
    ...telemetryLines(link),
    ["verdict", textOf(link, "verdict")],
    ["the agent offers", offerText(link)],
  ];
}

/** Of a sender of telemetry: who it is, beyond what its link proved. */
function telemetryLines(link: Row): readonly PageLine[] {
  if (link["kind"] !== "receiver") return [];
  return [
    ["client", textOf(link, "client")],
    ["says it is", textOf(link, "userAgent")],
    ["its version", textOf(link, "senderVersion") || undefined],
    ["claims to be", textOf(link, "claimed") || undefined],
    ["certificate ends", timeText(link["certificateExpiresAt"])],
    ["bytes from it", textOf(link, "up")],
    ["bytes to it", textOf(link, "down")],
  ];
}

/** Of a stream: where it leads or who opened it, and what it has carried. */
function streamLines(link: Row): readonly PageLine[] {
  const isOpened = link["direction"] === "in";
  if (!isOpened && (link["target"] ?? null) === null) return [];
  return [
    isOpened ? ["opened by", textOf(link, "operator")] : ["leads to", textOf(link, "target")],
    ["bytes from the agent", textOf(link, "up")],
    ["bytes to the agent", textOf(link, "down")],
  ];
}
