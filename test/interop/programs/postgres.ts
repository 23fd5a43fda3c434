import { randomBytes } from "node:crypto";
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchProcess } from "@tautline/testing";
import {
  freePort,
  launchAsServer,
  runAsServer,
  serverFolder,
  type ServerProgram,
  untilSaid,
} from "./server-program.ts";

/** Where a psql connects to: a port of this host, or the folder of a Unix socket. */
export type PsqlPlace = number | { readonly socketFolder: string };

/** A PostgreSQL cluster of its own, gone with the test. */
export interface Postgres extends ServerProgram {
  /** Process id of the server. */
  readonly pid: number | undefined;
  /** Of its superuser. */
  readonly password: string;
  /** Runs psql with commands in their order, over one connection; throws with what it said where it fails. */
  psql(place: PsqlPlace, ...commands: readonly string[]): Promise<string>;
  /** The SHA-256 of a table's rows, which the server computes itself: no byte of it goes over a connection. */
  digestOf(table: string): Promise<string>;
}

/** Who may do everything in it. */
export const SUPERUSER = "tester";
/** Nothing in it has to outlast the test; rows come back in the order in which they were copied. */
const SETTINGS = [
  "fsync=off",
  "wal_level=minimal",
  "max_wal_senders=0",
  "max_wal_size=4GB",
  "synchronize_seqscans=off",
];

/**
 * Makes a cluster and starts it; its superuser has a password, for any user of this host reaches its port.
 *
 * @param more settings besides, `name=value` each
 */
export async function openPostgres(more: readonly string[] = []): Promise<Postgres> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(serverFolder()).path;
  const [data, passwordFile] = [join(folder, "data"), join(folder, "password")];
  const password = randomBytes(16).toString("hex");
  // The server's user reads it, to whom alone the folder is open.
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const owner = ["-U", SUPERUSER, "--pwfile", passwordFile, "-A", "scram-sha-256"];
  const quick = ["--no-sync", "--locale=C", "--encoding=UTF8"];
  await runAsServer(programOf("initdb"), ["-D", data, ...owner, ...quick]);
  const port = await freePort();
  const listen = ["-h", "127.0.0.1", "-p", String(port), "-k", folder];
  const settings = [...SETTINGS, ...more].flatMap((setting) => ["-c", setting]);
  const server = launchAsServer(programOf("postgres"), ["-D", data, ...listen, ...settings]);
  // A fast shutdown: it ends its own processes and gives back its shared memory.
  stack.defer(async () => void (await server.kill("SIGINT")));
  await untilSaid(server, /ready to accept connections/);
  const psql: Postgres["psql"] = (place, ...commands) => runPsql(place, commands, password);
  const owned = stack.move();
  return {
    port,
    pid: server.pid,
    password,
    psql,
    digestOf: async (table) => {
      const sum = `COPY ${table} TO PROGRAM 'sha256sum > ${folder}/digest'`;
      const said = await psql(port, sum, `SELECT pg_read_file('${folder}/digest')`);
      return /^[0-9a-f]{64}/m.exec(said)?.[0] ?? said;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function runPsql(
  place: PsqlPlace,
  commands: readonly string[],
  password: string,
): Promise<string> {
  const [host, port] =
    typeof place === "number" ? ["127.0.0.1", String(place)] : [place.socketFolder, "5432"];
  const where = ["-h", host, "-p", port, "-U", SUPERUSER, "-d", "postgres"];
  const flags = ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
  const args = [...flags, ...where, ...commands.flatMap((command) => ["-c", command])];
  await using psql = launchProcess({ command: "psql", args, env: { PGPASSWORD: password } });
  const { code } = await psql.exited;
  if (code !== 0) throw new Error(`psql ended with ${code}: ${psql.stderr}`);
  return psql.stdout;
}

/** Debian keeps the server's programs by version, outside of PATH. */
function programOf(name: string): string {
  const [found] = globSync(`/usr/lib/postgresql/*/bin/${name}`).sort().toReversed();
  if (found !== undefined) return found;
  throw new Error(
    `these tests need the program ${name}: apt-get install postgresql (scripts/prepare test)`,
  );
}
