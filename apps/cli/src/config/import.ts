import { existsSync, mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { OldSettings } from "@tautline/daemon";
import { TautlineError } from "@tautline/protocol";
import { writeFileDurably } from "@tautline/vault";
import { Option } from "commander";
import type { CommandContext } from "../context.ts";
import { systemReason } from "../input-file.ts";
import type { DefineVerb } from "../noun.ts";
import { renderOldFinding } from "./old-finding-text.ts";

interface ImportOptions {
  readonly out?: string;
  readonly for?: "agent" | "central";
  readonly force?: boolean;
}

/** A settings file and, where the level needs one, its key. */
interface Written {
  readonly path: string;
  readonly text: string;
  /** 0600 for a key; everybody may read settings. */
  readonly mode: number;
}

const KEY_FILE = "legacy.key";

/** `tautline config import FILE`: writes ours from the settings of the systems that came before. */
export const importConfig: DefineVerb = (command, context) => {
  command
    .summary("take over an old settings file")
    .description(
      "Reads agent.properties, collector.properties or agent.conf and writes agent.yaml or central.yaml, and legacy.key (mode " +
        "0600) where there is a shared key. The old file stays as it is. Variables such as TAKIPI_ENCRYPT stand over it.",
    )
    .argument("<file>", "the old settings file")
    .option("--out <dir>", "folder to write to (default: the current one)")
    .addOption(
      new Option("--for <app>", "whose settings, where the file's name does not say").choices([
        "agent",
        "central",
      ]),
    )
    .option("--force", "replace files that are there already")
    .addHelpText(
      "after",
      "\nExample:\n  tautline config import collector.properties --out data/central\n  tautline config import agent.properties --out data/agent",
    )
    .action(async (file: string, options: ImportOptions) => {
      const folder = resolve(context.cwd, options.out ?? ".");
      const { formatOurSettings, importOldSettings } = await import("@tautline/daemon");
      const old = importOldSettings(resolve(context.cwd, file), {
        app: options.for,
        keyFile: join(folder, KEY_FILE),
        readVariable: context.environment.foreign ?? (() => undefined),
      });
      const text = formatOurSettings(old.settings, basename(file));
      const written = filesOf(folder, old, text);
      write(folder, written, options.force === true);
      await report(old, written, context);
    });
};

/** The key comes first: settings that name it must find it. */
function filesOf(folder: string, { app, keyTexts }: OldSettings, text: string): Written[] {
  const keys = [...keyTexts.values()].map((keyText) => ({
    path: join(folder, KEY_FILE),
    text: `${keyText}\n`,
    mode: 0o600,
  }));
  return [...keys, { path: join(folder, `${app}.yaml`), text, mode: 0o600 }];
}

function write(folder: string, files: readonly Written[], mayReplace: boolean): void {
  const inTheWay = mayReplace ? undefined : files.find(({ path }) => existsSync(path));
  if (inTheWay !== undefined) {
    throw new TautlineError("config.would_overwrite", { detail: { file: inTheWay.path } });
  }
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const { path, text, mode } of files) writeFileDurably(path, text, { mode });
  } catch (cause) {
    const detail = { file: folder, reason: systemReason(cause) };
    throw new TautlineError("cli.file_unwritable", { cause, detail });
  }
}

async function report(
  { app, findings }: OldSettings,
  written: readonly Written[],
  { output }: CommandContext,
): Promise<void> {
  const files = written.map(({ path }) => path);
  await output.print({ app, files, findings }, () =>
    [`Written: ${files.join(", ")}`, ...findings.map(renderOldFinding)].join("\n\n"),
  );
}
