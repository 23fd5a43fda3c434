import type { Logger } from "@tautline/daemon";
import { deriveSharedKey } from "@tautline/pki";
import {
  isTautlineError,
  KEY_FILE_BYTES,
  readKeyFileText,
  TautlineError,
} from "@tautline/protocol";
import { readPrivateFile } from "@tautline/vault";
import type { CentralConfig } from "../config.ts";
import type { Store } from "../store/store.ts";
import type { KeyRing } from "./key-ring.ts";
import type { KeyStore } from "./key-store.ts";

/** What making them needs. */
export interface ConfiguredKeysDeps {
  readonly store: Store;
  readonly keys: Pick<KeyStore, "create">;
  readonly ring: Pick<KeyRing, "find">;
  readonly log: Logger;
  /** Texts by name that are known already: an old settings file holds one among other things. */
  readonly keyTexts?: ReadonlyMap<string, string> | undefined;
}

/**
 * Makes the keys that central.yaml names and that never were. One that was rotated since stays as it is, and one that was deleted is
 * not made again: its text lies in a file that somebody may have.
 *
 * @param deps database and keys
 * @param wanted `keys` of central.yaml
 * @throws config.key_refused
 */
export async function makeConfiguredKeys(
  deps: ConfiguredKeysDeps,
  wanted: CentralConfig["keys"],
): Promise<void> {
  const { store, keys, log, keyTexts } = deps;
  for (const { name, namespace, file } of wanted) {
    const known = keyTexts?.get(name);
    if (await wasEverMade(store, name)) {
      if (known !== undefined) await warnIfOther(deps, name, known);
      continue;
    }
    try {
      const value = known ?? readKeyFile(file);
      const { weakness } = await keys.create({ name, namespace, value, actor: "central" });
      log.info({ keyName: name, namespace, file }, "a key was made from its file");
      if (weakness !== null) log.warn({ keyName: name, weakness }, "this key is weak: rotate it");
    } catch (error) {
      throw refused(name, file, error);
    }
  }
}

/** Whoever edits an old settings file and starts anew expects the new text to count; central's own record does. */
async function warnIfOther(
  { ring, log }: ConfiguredKeysDeps,
  name: string,
  text: string,
): Promise<void> {
  const live = ring.find({ name });
  const [namespace] = live.map((key) => key.namespace);
  if (namespace !== undefined) {
    const derived = await deriveSharedKey(text, { namespace, name });
    if (live.some(({ sharedKey }) => sharedKey.equals(derived))) return;
  }
  log.warn(
    { keyName: name },
    "the text of this key in the old settings file opens nothing: it was rotated or deleted here, or edited there; 'tautline keys' changes it",
  );
}

async function wasEverMade(store: Store, name: string): Promise<boolean> {
  const row = await store.read((db) =>
    db.selectFrom("key_names").select("name").where("name", "=", name).executeTakeFirst(),
  );
  return row !== undefined;
}

function readKeyFile(file: string): string {
  const bytes = readPrivateFile(file, KEY_FILE_BYTES);
  if (bytes === undefined) throw new TautlineError("api.not_found", { detail: { thing: "file" } });
  return readKeyFileText(bytes);
}

function refused(name: string, file: string, error: unknown): unknown {
  if (!isTautlineError(error) || error.code.startsWith("store.")) return error;
  const reason = reasonOf(error);
  return new TautlineError("config.key_refused", { cause: error, detail: { name, file, reason } });
}

function reasonOf({ code, detail }: TautlineError): string {
  if (code === "api.not_found" && detail["thing"] === "file") return "there is no such file";
  if (code === "api.not_found") return `there is no namespace '${String(detail["id"])}'`;
  return String(detail["reason"] ?? code);
}
