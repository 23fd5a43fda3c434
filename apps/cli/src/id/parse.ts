import { parseSpiffeId } from "@tautline/protocol";
import type { DefineVerb } from "../noun.ts";
import { renderPage } from "../table.ts";

/** `tautline id parse URI`: reads a SPIFFE ID by the one strict parser; refuses, never corrects (A13). */
export const parseId: DefineVerb = (command, { output }) => {
  command
    .summary("take a SPIFFE ID apart, or say why it is none")
    .description(
      "Takes a SPIFFE ID of Tautline apart, or says why it is none. Nothing is corrected on the way: " +
        "central and agents read identities by the same parser.",
    )
    .argument("<uri>", "such as spiffe://default.tautline.internal/agent/<id>")
    .action(async (uri: string) => {
      const id = parseSpiffeId(uri);
      const agent = id.kind === "agent" ? id : undefined;
      await output.print(id, () =>
        renderPage(
          [
            ["kind", id.kind],
            ["trust domain", id.trustDomain],
            ["namespace", agent?.namespace],
            ["agent id", agent?.agentId],
          ],
          output.paint,
        ),
      );
    });
};
