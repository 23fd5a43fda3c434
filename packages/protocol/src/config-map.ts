import { concatBytes, lengthPrefixed, uint32 } from "./bytes.ts";
import { TautlineError } from "./error.ts";
import type { AgentConfigMap } from "./gen/opamp/v1/opamp_pb.ts";
import { LIMITS } from "./limits.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Keeps these bytes from being mistaken for anything else that is hashed or signed. */
const CONTEXT = encodeUtf8("tautline/config-map/v1");

/**
 * Writes a configuration map as the bytes whose SHA-256 is both OpAMP's `config_hash` and the digest of the instruction
 * that goes with it. Protobuf leaves the order of a map open, so its encoding cannot be hashed.
 *
 * Layout, every number 32 bits big-endian: context label, count of files, then for each file in the order of the UTF-8 bytes of its
 * name: name, content type, body. Label and texts are preceded by their lengths.
 *
 * @param map a configuration, of at most 64 files
 * @throws opamp.malformed for more files, or names that are not well-formed text
 */
export function canonicalConfigMap(map: Pick<AgentConfigMap, "configMap">): Uint8Array {
  const files = Object.entries(map.configMap);
  const limit = LIMITS.configFiles.value;
  if (files.length > limit) {
    throw new TautlineError("opamp.malformed", {
      detail: { reason: `it has more than ${limit} files` },
    });
  }
  const parts = files
    .map(([name, file]) => ({ name: encodeText(name), file }))
    .sort((a, b) => compareBytes(a.name, b.name))
    .flatMap(({ name, file }) => [name, encodeText(file.contentType), file.body]);
  return concatBytes(lengthPrefixed(CONTEXT), uint32(files.length), ...parts.map(lengthPrefixed));
}

function encodeText(text: string): Uint8Array {
  try {
    return encodeUtf8(text);
  } catch (cause) {
    const reason = "the name or type of a file is not text";
    throw new TautlineError("opamp.malformed", { detail: { reason }, cause });
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1);
}
