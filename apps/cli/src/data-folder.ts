import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CommandContext } from "./context.ts";

/** Whose data folder is meant. */
export type DataRole = "central" | "agent";

/** A file that only a folder of that role holds. */
const MARKS: Readonly<Record<DataRole, readonly string[]>> = {
  central: ["central.db", "admin.sock"],
  agent: ["settings.json", "legacy.json", "agent.sock"],
};
const SYSTEM_FOLDER = "/var/lib/tautline";

/**
 * Finds the data folder of a role.
 *
 * Order: `--data`, TAUTLINE_DATA, ./data/<role> if it is there, /var/lib/tautline/<role> if it is there or the user is root,
 * else ./data/<role>. A folder given by name that holds a folder of the role's name (as quickstart makes it) means that inner folder.
 *
 * @param role central or agent
 * @param given the value of `--data`
 * @param context environment, current folder and user
 * @returns an absolute path; nothing is created
 */
export function findDataFolder(
  role: DataRole,
  given: string | undefined,
  context: Pick<CommandContext, "environment" | "cwd" | "userId">,
): string {
  const named = given ?? context.environment.dataDir;
  if (named !== undefined && named !== "") return innerFolder(role, resolve(context.cwd, named));
  const local = join(context.cwd, "data", role);
  if (existsSync(local)) return local;
  const system = join(SYSTEM_FOLDER, role);
  return context.userId === 0 || existsSync(system) ? system : local;
}

/**
 * Tells whether a folder holds the data of a role.
 *
 * @param role central or agent
 * @param folder absolute path
 */
export function holdsDataOf(role: DataRole, folder: string): boolean {
  return MARKS[role].some((name) => existsSync(join(folder, name)));
}

function innerFolder(role: DataRole, folder: string): string {
  const inner = join(folder, role);
  return !holdsDataOf(role, folder) && existsSync(inner) ? inner : folder;
}
