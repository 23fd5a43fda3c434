import { dirname } from "node:path";
import {
  isTautlineError,
  isTrustDomain,
  parseJson,
  parseOperatorToken,
  TautlineError,
} from "@tautline/protocol";
import { ensurePrivateFolder, readPrivateFile, writeFileDurably } from "@tautline/vault";
import type { Environment } from "../context.ts";
import { isRow, rowsOf, textOf, type Row } from "../row.ts";
import { contextFile } from "./context-path.ts";

/** A central that this user logged in to. */
export interface StoredContext {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly trustDomain: string;
  /** SHA-256 of the root's public key (SPKI), 64 lower-case hexadecimal characters. */
  readonly rootPin: string;
  readonly operator: string;
  readonly token: string;
}

/** All contexts of a user. */
export interface Contexts {
  /** Name of the one that is used where none is named. */
  readonly current: string | undefined;
  readonly items: readonly StoredContext[];
}

const FORMAT = 1;
const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 4;
const NONE: Contexts = { current: undefined, items: [] };

/**
 * Reads the contexts of this user.
 *
 * @param environment says where they are
 * @throws cli.contexts_malformed; vault.file_unsafe for a file that others may read
 */
export function readContexts(environment: Environment): Contexts {
  const file = contextFile(environment);
  const bytes = file === undefined ? undefined : readPrivateFile(file, MAX_BYTES);
  if (file === undefined || bytes === undefined) return NONE;
  try {
    return parseContexts(bytes.toString("utf8"));
  } catch (cause) {
    if (!isTautlineError(cause)) throw cause;
    const reason = cause.message.replace(/\.$/, "");
    throw new TautlineError("cli.contexts_malformed", { cause, detail: { file, reason } });
  }
}

/**
 * Writes the contexts of this user: file 0600, folder 0700, whole or not at all.
 *
 * @param environment says where
 * @param contexts all of them
 * @throws cli.no_config_folder, vault.file_unsafe, vault.file_failed
 */
export function writeContexts(environment: Environment, contexts: Contexts): void {
  const file = contextFile(environment);
  if (file === undefined) throw new TautlineError("cli.no_config_folder");
  ensurePrivateFolder(dirname(file));
  const document = { format: FORMAT, current: contexts.current ?? null, items: contexts.items };
  writeFileDurably(file, `${JSON.stringify(document, undefined, 2)}\n`);
}

/**
 * Finds the context to use.
 *
 * @param environment says where they are
 * @param name the value of `--context`; undefined takes the one in use
 * @returns undefined where none is named and none is in use
 * @throws cli.context_unknown, cli.contexts_malformed
 */
export function findContext(
  environment: Environment,
  name: string | undefined,
): StoredContext | undefined {
  const { current, items } = readContexts(environment);
  const wanted = name ?? current;
  const found = items.find((item) => item.name === wanted);
  if (found === undefined && wanted !== undefined) throw unknownContext(wanted);
  return found;
}

/** Says that there is no such context. */
export function unknownContext(name: string): TautlineError {
  return new TautlineError("cli.context_unknown", { detail: { name } });
}

/**
 * Reads the file of contexts strictly.
 *
 * @param text its content
 * @throws value.json
 */
export function parseContexts(text: string): Contexts {
  const value = parseJson(text, { maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH });
  if (!isRow(value) || value["format"] !== FORMAT) throw refused("it is of another format");
  const { current } = value;
  if (current !== null && typeof current !== "string") throw refused("'current' is no name");
  const items = rowsOf(value, "items").map(parseContext);
  return { current: current ?? undefined, items };
}

function parseContext(row: Row): StoredContext {
  const context = {
    name: textOf(row, "name"),
    host: textOf(row, "host"),
    port: Number(row["port"]),
    trustDomain: textOf(row, "trustDomain"),
    rootPin: textOf(row, "rootPin"),
    operator: textOf(row, "operator"),
    token: textOf(row, "token"),
  };
  const isWhole =
    context.name !== "" &&
    context.host !== "" &&
    Number.isInteger(context.port) &&
    context.port > 0 &&
    context.port < 65_536 &&
    isTrustDomain(context.trustDomain) &&
    /^[0-9a-f]{64}$/.test(context.rootPin) &&
    parseOperatorToken(context.token) !== undefined;
  // Which one, but nothing of what stands in it: the token does.
  if (!isWhole) throw refused("one of them is not complete");
  return context;
}

function refused(reason: string): TautlineError {
  return new TautlineError("value.json", { detail: { reason } });
}
