import { deriveSharedKey } from "@tautline/pki";
import {
  isTautlineError,
  KEY_FILE_BYTES,
  parseKeyIdentity,
  readKeyFileText,
  TautlineError,
  weaknessOf,
  type KeyIdentity,
} from "@tautline/protocol";
import { readPrivateFile } from "@tautline/vault";

/** Which key is shared with central, and where its text is. */
export interface KeySetting {
  /** `name`, or `name#version`. */
  readonly name: string;
  readonly namespace: string;
  /** Path of the file; undefined where none is set. */
  readonly file?: string | undefined;
}

/** The key as the levels `basic` and `advanced` take it. */
export interface FoundKey {
  readonly key: KeyIdentity;
  /** 32 bytes. */
  readonly sharedKey: Buffer;
}

/**
 * Makes what gives the shared key at each dial: the file is read anew each time, so a new key is in use from the next dial on. What is
 * derived is kept for as long as the text is the same, because deriving costs some 60 ms.
 *
 * @param setting name and file
 * @param onWeak told agent.key_weak once for each text that is weak
 * @param keyTexts texts by name of key that came with an old settings file, in place of the file
 * @returns throws agent.key_unusable, vault.file_unsafe, vault.file_failed; each names the file and never its text
 */
export function createKeyFile(
  setting: KeySetting,
  onWeak: (error: TautlineError) => void,
  keyTexts: ReadonlyMap<string, string> = new Map(),
): () => Promise<FoundKey> {
  let kept: { readonly text: string; readonly found: Promise<FoundKey> } | undefined;
  return () => {
    const { file, text } = readKeyText(setting, keyTexts);
    if (kept?.text === text) return kept.found;
    const weakness = weaknessOf(text);
    if (weakness !== undefined) {
      const detail = { file, name: setting.name, reason: weakness };
      onWeak(new TautlineError("agent.key_weak", { detail }));
    }
    kept = { text, found: derive(setting, file, text) };
    return kept.found;
  };
}

function readKeyText(
  { name, file }: KeySetting,
  keyTexts: ReadonlyMap<string, string>,
): { readonly file: string; readonly text: string } {
  const known = keyTexts.get(parseKeyIdentity(name)?.name ?? name);
  if (known !== undefined) return { file: file ?? "the old settings", text: known };
  if (file === undefined) throw new TautlineError("agent.key_missing");
  const bytes = readPrivateFile(file, KEY_FILE_BYTES);
  if (bytes === undefined) throw unusable(file, "it is not there");
  try {
    return { file, text: readKeyFileText(bytes) };
  } catch (error) {
    throw unusable(file, reasonOf(error));
  } finally {
    bytes.fill(0);
  }
}

/** The catalogue's sentence about the text does not repeat it. */
function reasonOf(error: unknown): string {
  return isTautlineError(error) ? String(error.detail["reason"]) : "it cannot be derived";
}

async function derive(
  { name: identity, namespace }: KeySetting,
  file: string,
  text: string,
): Promise<FoundKey> {
  const key = parseKeyIdentity(identity);
  if (key === undefined) throw unusable(file, `'${identity}' is no name of a key`);
  try {
    return { key, sharedKey: await deriveSharedKey(text, { namespace, name: key.name }) };
  } catch (error) {
    throw unusable(file, reasonOf(error));
  }
}

function unusable(file: string, reason: string): TautlineError {
  return new TautlineError("agent.key_unusable", { detail: { file, reason } });
}
