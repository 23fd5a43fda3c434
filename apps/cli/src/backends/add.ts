import { Option } from "commander";
import { TautlineError } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { readInput } from "../input-file.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf, type Row } from "../row.ts";
import { routesText } from "./backend-text.ts";

interface AddOptions extends CentralOptions {
  readonly to: string;
  readonly protocol?: string;
  readonly route?: readonly string[];
  readonly tls?: true;
  readonly ca?: string;
  readonly pin?: string;
  readonly levels?: string;
  readonly namespace?: string;
  readonly requireToken?: true;
  readonly anonymous?: true;
  readonly alsoLocal?: true;
  readonly claims?: string;
}

const MOST_CA_BYTES = 65_536;

/** `tautline backends add NAME --to HOST:PORT`: live at once, for every port that takes telemetry. */
export const addBackend: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("carry telemetry to a backend")
    .description(
      "Carries telemetry to a backend, unchanged: the calls of its routes, or those that no other backend takes. Central tells it who calls, " +
        "at which level and from which namespace (metadata 'tautline-*'); what callers claim under these names is stripped. The address " +
        "that a name really has is judged each time: loopback, link-local and central's own ports are refused unless --to is that address.",
    )
    .argument("<name>", "lower-case letters, digits and inner hyphens")
    .requiredOption(
      "--to <host:port>",
      "where it is; several with commas, the first that answers is used",
    )
    .addOption(
      new Option("--protocol <protocol>", "what it speaks (default: grpc)").choices([
        "grpc",
        "http",
      ]),
    )
    .option(
      "--route <path...>",
      "such as /skywalking.v3.* or /v1/traces; a star at the end: all that begin so",
    )
    .option("--tls", "reach it by TLS, known by the authorities of central's system")
    .option("--ca <file>", "reach it by TLS, known by the authorities in this PEM file")
    .option("--pin <pin>", "reach it by TLS, known by the SHA-256 of its key; several with commas")
    .option("--levels <levels>", "take callers at these levels (default: tls,mtls)")
    .option("--namespace <name>", "take callers of this namespace alone")
    .option("--require-token", "take no call without a client's token")
    .option("--anonymous", "take callers without certificate, key or token too")
    .option(
      "--also-local",
      "a name may lead to central's own host; an address may be a port of central",
    )
    .addOption(
      new Option(
        "--claims <what>",
        "what is done where telemetry says it is of a service or an instance that its sender may not claim " +
          "('tautline clients allow'); refuse takes nothing that cannot be read (default: off, nobody looks)",
      ).choices(["off", "log", "refuse"]),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  tautline backends add oap --to oap.example.org:11800\n" +
        "  tautline backends add otlp --to otel.example.org:4318 --protocol http --route /v1/traces /v1/metrics /v1/logs\n" +
        "  tautline backends add logs --to 10.0.0.7:4317 --route /opentelemetry.proto.collector.logs.* --levels mtls --ca backend-ca.pem",
    )
    .action(async (name: string, options: AddOptions) => {
      const order = { name, ...(await orderOf(options, context)) };
      const row = await createAdminClient(context, options).post({ path: ["backends"] }, order);
      await context.output.print(
        row,
        () =>
          `Backend ${textOf(row, "name")} takes ${routesText(row)} over ${textOf(row, "protocol")} at ${textOf(row, "levels")}.`,
      );
    });
};

/** What was said and nothing else: central has the defaults. */
async function orderOf(
  options: AddOptions,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<Row> {
  const { to, protocol, route, levels, namespace, requireToken, anonymous, alsoLocal } = options;
  const { claims } = options;
  return {
    targets: partsOf(to),
    ...(protocol !== undefined && { protocol }),
    ...(route !== undefined && { routes: route.flatMap(partsOf) }),
    ...(await trustOf(options, context)),
    ...(levels !== undefined && { levels: partsOf(levels) }),
    ...(namespace !== undefined && { namespace }),
    ...(requireToken && { requireToken }),
    ...(anonymous && { anonymous }),
    ...(alsoLocal && { alsoLocal }),
    ...(claims !== undefined && { claims }),
  };
}

async function trustOf(
  { tls, ca, pin }: AddOptions,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<Row> {
  if (ca !== undefined && pin !== undefined) {
    const detail = {
      reason: "either --ca or --pin says what the backend is known by, and not both",
      command: "tautline backends add",
    };
    throw new TautlineError("cli.usage", { detail });
  }
  if (ca !== undefined) {
    return { tls: "ca", trust: (await readInput(ca, MOST_CA_BYTES, context)).toString("utf8") };
  }
  if (pin !== undefined) return { tls: "pin", trust: pin };
  return tls === true ? { tls: "system" } : {};
}

function partsOf(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}
