import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { InvalidArgumentError } from "commander";
import { parseAgentId, parseForwardName, TautlineError } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { findWay } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { describeFailure } from "../failure.ts";
import type { DefineVerb } from "../noun.ts";
import type { ServiceAsked } from "./carry-service.ts";

interface OpenOptions extends CentralOptions {
  readonly agent: string;
  readonly service: string;
  readonly listen?: Place;
  readonly stdio?: true;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

const MOMENT_MS = 2_000;
const ANY_PORT: Place = { host: "127.0.0.1", port: 0 };

/** `tautline forwards open`: reaches a service of an agent's host through central. */
export const openService: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("reach a service of an agent's host through central")
    .description(
      "Listens on this host, and carries each connection over central and the agent's own link to a service that the agent lists " +
        "in its agent.yaml and that 'forwards allow --reverse' allows; until SIGTERM or Ctrl-C, which resets what is carried. " +
        "With --json prints one line when it listens. With --stdio it carries one connection, standard input and output, as " +
        "ssh's ProxyCommand wants it.",
    )
    .requiredOption("--agent <id>", "whose service")
    .requiredOption("--service <name>", "its name under 'services' in the agent's agent.yaml")
    .option(
      "--listen <host:port>",
      "a loopback address; port 0 takes any free one (default: 127.0.0.1:0)",
      loopbackValue,
    )
    .option("--stdio", "carry standard input and output in place of listening")
    .addHelpText(
      "after",
      "\nExamples:\n  tautline forwards open --agent ID --service db --listen 127.0.0.1:5432\n" +
        "  ssh -o ProxyCommand='tautline forwards open --agent ID --service ssh --stdio' user@host",
    )
    .action(async (options: OpenOptions) => {
      if (options.stdio === true && options.listen !== undefined) {
        const reason = "--stdio and --listen exclude each other";
        const detail = { reason, command: "tautline forwards open" };
        throw new TautlineError("cli.usage", { detail });
      }
      const [agent, service] = [parseAgentId(options.agent), parseForwardName(options.service)];
      const way = await findWay(context, options);
      const { stop: signal } = context.takeSignals();
      const asked = { way, agent, service, signal };
      if (options.stdio === true) await carryStandard(context, asked);
      else await listen(context, asked, options.listen ?? ANY_PORT);
    });
};

async function carryStandard(context: CommandContext, asked: ServiceAsked): Promise<void> {
  const streams = context.standardStreams?.();
  if (streams === undefined) throw new TautlineError("internal.unexpected");
  const { carryService } = await import("./carry-service.ts");
  const { createStandardEnd } = await import("./standard-end.ts");
  const { signal, calm } = afterMoment(asked.signal);
  const error = await carryService(createStandardEnd(streams), { ...asked, signal });
  calm();
  if (error !== undefined && !asked.signal.aborted) throw error;
}

/** ssh tells its ProxyCommand to go as soon as it is done: the end that is on its way then is still carried. */
function afterMoment(stop: AbortSignal): {
  readonly signal: AbortSignal;
  readonly calm: () => void;
} {
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => ending.abort(), MOMENT_MS);
  };
  if (stop.aborted) begin();
  else stop.addEventListener("abort", begin, { once: true });
  return { signal: ending.signal, calm: () => clearTimeout(timer) };
}

async function listen(context: CommandContext, asked: ServiceAsked, at: Place): Promise<void> {
  const { carryService, openServiceLink } = await import("./carry-service.ts");
  const { output } = context;
  // What central refuses is told before anything listens.
  (await openServiceLink(asked)).destroy(new TautlineError("forward.cancelled"));
  const carried = new Set<Promise<void>>();
  const carry = async (plain: Socket): Promise<void> => {
    const error = await carryService(plain, asked);
    if (error !== undefined && !asked.signal.aborted) output.failure(describeFailure(error));
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (plain) => {
    const work = carry(plain);
    carried.add(work);
    void work.finally(() => carried.delete(work));
  });
  const address = await listenAt(server, at);
  await output.print(
    { event: "ready", listen: address },
    () =>
      `Service ${asked.service} of agent ${asked.agent} is at ${address} until this command ends.`,
  );
  if (!asked.signal.aborted) await once(asked.signal, "abort");
  server.close();
  await Promise.all(carried);
}

async function listenAt(server: Server, { host, port }: Place): Promise<string> {
  const shown = host.includes(":") ? `[${host}]` : host;
  try {
    server.listen({ host, port, ipv6Only: true });
    await once(server, "listening");
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
    const reason = typeof code === "string" ? code : "it cannot be made";
    const detail = { address: `${shown}:${port}`, reason };
    throw new TautlineError("cli.listen_failed", { cause, detail });
  }
  return `${shown}:${(server.address() as AddressInfo).port}`;
}

/** Whoever reaches the port reaches the service by this operator's right, so that it is for this host alone. */
function loopbackValue(text: string): Place {
  const [, v4, v6, digits = ""] =
    /^(?:(127(?:\.[0-9]{1,3}){3})|\[(::1)\]):(0|[1-9][0-9]{0,4})$/.exec(text) ?? [];
  const host = v4 ?? v6;
  const port = Number(digits);
  if (host === undefined || port > 65_535) {
    throw new InvalidArgumentError("Write a loopback address: 127.0.0.1:PORT or [::1]:PORT.");
  }
  return { host, port };
}
