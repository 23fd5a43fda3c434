import { Command, CommanderError } from "commander";
import { TautlineError } from "@tautline/protocol";
import type { CommandContext } from "./context.ts";
import type { ExitCode } from "./exit-code.ts";
import { describeFailure } from "./failure.ts";
import type { DefineVerb, Part } from "./noun.ts";

const STARTING = "Starting things:";
const OPERATING = "Operating:";
const LOOKING = "Finding out:";

/** The command's first level, in the order of its help page (CLI.md). */
export const PARTS: readonly Part[] = [
  {
    name: "quickstart",
    summary: "Start a central and join this host's agent, in one go",
    group: STARTING,
    load: async () => (await import("./quickstart/quickstart.ts")).quickstart,
  },
  {
    name: "central",
    summary: "Run the server",
    group: STARTING,
    load: async () => (await import("./central/central.ts")).centralVerbs,
  },
  {
    name: "agent",
    summary: "Join, run and look at this host's agent",
    group: STARTING,
    load: async () => (await import("./agent/agent.ts")).agentVerbs,
  },
  {
    name: "config",
    summary: "Settings files: a full example, a check before use, and old ones taken over",
    group: STARTING,
    load: async () => (await import("./config/config.ts")).configVerbs,
  },
  {
    name: "keygen",
    summary: "Print a strong key",
    group: STARTING,
    load: async () => (await import("./keygen/keygen.ts")).keygen,
  },
  {
    name: "swarm",
    summary: "Simulate many agents against a central on this host",
    group: STARTING,
    load: async () => (await import("./swarm/swarm.ts")).swarm,
  },
  {
    name: "tokens",
    summary: "Enrolment tokens: what agents join with",
    group: OPERATING,
    load: async () => (await import("./tokens/tokens.ts")).tokenVerbs,
  },
  {
    name: "agents",
    summary: "The fleet",
    group: OPERATING,
    load: async () => (await import("./agents/agents.ts")).agentsVerbs,
  },
  {
    name: "links",
    summary: "Live connections and what each one negotiated",
    group: OPERATING,
    load: async () => (await import("./links/links.ts")).linkVerbs,
  },
  {
    name: "listeners",
    summary: "The ports for agents and telemetry, and the levels accepted there",
    group: OPERATING,
    load: async () => (await import("./listeners/listeners.ts")).listenerVerbs,
  },
  {
    name: "namespaces",
    summary: "Sets of agents, each with its own trust",
    group: OPERATING,
    load: async () => (await import("./namespaces/namespaces.ts")).namespaceVerbs,
  },
  {
    name: "keys",
    summary: "Keys that agents without certificates share with central",
    group: OPERATING,
    load: async () => (await import("./keys/keys.ts")).keyVerbs,
  },
  {
    name: "forwards",
    summary: "What agents may reach through central",
    group: OPERATING,
    load: async () => (await import("./forwards/forwards.ts")).forwardVerbs,
  },
  {
    name: "backends",
    summary: "Where telemetry is carried to",
    group: OPERATING,
    load: async () => (await import("./backends/backends.ts")).backendVerbs,
  },
  {
    name: "clients",
    summary: "Programs that send telemetry, and their tokens",
    group: OPERATING,
    load: async () => (await import("./clients/clients.ts")).clientVerbs,
  },
  {
    name: "policy",
    summary: "What links have to have: planned, set in watched steps, undone",
    group: OPERATING,
    load: async () => (await import("./policy/policy.ts")).policyVerbs,
  },
  {
    name: "settings",
    summary: "What central tells the agents of a namespace, as signed instructions",
    group: OPERATING,
    load: async () => (await import("./settings/settings.ts")).settingVerbs,
  },
  {
    name: "certs",
    summary: "Certificates that central issued, and its authorities",
    group: OPERATING,
    load: async () => (await import("./certs/certs.ts")).certificateVerbs,
  },
  {
    name: "audit",
    summary: "Who did what, in a trail that shows tampering",
    group: OPERATING,
    load: async () => (await import("./audit/audit.ts")).auditVerbs,
  },
  {
    name: "vault",
    summary: "How the secrets at rest are sealed",
    group: OPERATING,
    load: async () => (await import("./vault/vault.ts")).vaultVerbs,
  },
  {
    name: "operators",
    summary: "People and programs that may use central's API",
    group: OPERATING,
    load: async () => (await import("./operators/operators.ts")).operatorVerbs,
  },
  {
    name: "login",
    summary: "Log in to a central elsewhere",
    group: OPERATING,
    load: async () => (await import("./login/login.ts")).login,
  },
  {
    name: "contexts",
    summary: "The centrals that this user logged in to",
    group: OPERATING,
    load: async () => (await import("./contexts/contexts.ts")).contextVerbs,
  },
  {
    name: "status",
    summary: "The running central at a glance",
    group: LOOKING,
    load: async () => (await import("./status/status.ts")).status,
  },
  {
    name: "doctor",
    summary: "Look for what is wrong here, or at the other end of a link",
    group: LOOKING,
    load: async () => (await import("./doctor/doctor.ts")).doctor,
  },
  {
    name: "verify-chain",
    summary: "Judge a certificate chain by the rules that central and agents use",
    group: LOOKING,
    load: async () => (await import("./verify-chain/verify-chain.ts")).verifyChainVerb,
  },
  {
    name: "id",
    summary: "SPIFFE IDs, read aloud",
    group: LOOKING,
    load: async () => (await import("./id/id.ts")).idVerbs,
  },
  {
    name: "routes",
    summary: "Every route of central's API and the role it asks for",
    group: LOOKING,
    load: async () => (await import("./routes/routes.ts")).routes,
  },
];

/**
 * Runs one command line and says what the process should end with.
 *
 * Loads only the part that the line names. Every failure ends on stderr through the context's output.
 *
 * @param argv the words after the program's name
 * @param context the world the verbs may touch; its `endWith` is replaced by this function's own
 * @param version what `--version` prints
 */
export async function runProgram(
  argv: readonly string[],
  context: Omit<CommandContext, "endWith">,
  version: string,
): Promise<ExitCode> {
  let ending: ExitCode = 0;
  const endWith = (code: ExitCode): void => {
    ending = code;
  };
  const program = createRoot(context, version);
  try {
    await addParts(program, argv, { ...context, endWith });
    await program.parseAsync(argv, { from: "user" });
    return ending;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // A noun without a verb: commander has shown its help on stderr, which says it all.
      if (error.code === "commander.help" && !context.output.json) return 2;
    }
    const failure = describeFailure(asUsageError(error, program, argv));
    context.output.failure(failure);
    return failure.exitCode;
  }
}

function createRoot(context: Pick<CommandContext, "output">, version: string): Command {
  const root = new Command("tautline")
    .summary("secures every link between a central and its agents")
    .description("Secures every link between a central server and its distributed agents.")
    .version(`tautline ${version}`, "--version", "print the version")
    .helpOption("-h, --help", "explain a command")
    .helpCommand("help [command]", "explain a command")
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => context.output.text(text),
      writeErr: (text) => context.output.help(text),
      outputError: () => undefined,
      getOutHelpWidth: () => context.output.columns,
      getErrHelpWidth: () => context.output.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      "after",
      "\nStart with 'tautline quickstart', then 'tautline links list'. Every verb takes --json and --help.",
    );
  return root;
}

async function addParts(
  root: Command,
  argv: readonly string[],
  context: CommandContext,
): Promise<void> {
  const named = new Set(argv.filter((word) => !word.startsWith("-")).slice(0, 2));
  for (const part of PARTS) {
    const command = root.command(part.name).summary(part.summary).description(`${part.summary}.`);
    command.helpGroup(part.group);
    if (!named.has(part.name)) continue;
    const loaded = await part.load();
    if (typeof loaded === "function") defineVerb(command, loaded, context);
    else {
      command.helpCommand(false);
      for (const [name, define] of Object.entries(loaded)) {
        defineVerb(command.command(name), define, context);
      }
    }
  }
}

function defineVerb(command: Command, define: DefineVerb, context: CommandContext): void {
  define(command, context);
  command.option("--json", "print one JSON document instead of text for people");
}

/** Commander's own complaints become ours, so that every error has a code, a sentence and a remedy. */
function asUsageError(error: unknown, root: Command, argv: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error;
  const command = nearestCommand(root, argv);
  if (error.code === "commander.help") {
    return new TautlineError("cli.usage", {
      detail: { reason: `'${pathOf(command)}' needs a verb`, command: pathOf(command) },
    });
  }
  const reason = error.message
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ")
    .replace(/\.$/, "");
  return new TautlineError("cli.usage", {
    cause: error,
    detail: {
      reason: reason.charAt(0).toUpperCase() + reason.slice(1),
      command: pathOf(command),
    },
  });
}

function nearestCommand(root: Command, argv: readonly string[]): Command {
  let command = root;
  for (const word of argv) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
