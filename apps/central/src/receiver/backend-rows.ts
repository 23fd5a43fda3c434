import { isLevel } from "@tautline/protocol";
import type { ReceiverBackendTable } from "../store/receiver-tables.ts";
import type { Backend } from "./backend.ts";

/**
 * Says of a row what backend it is.
 *
 * @param row as it is stored
 */
export function backendOfRow(row: ReceiverBackendTable): Backend {
  return {
    name: row.name,
    targets: partsOf(row.targets, ","),
    protocol: row.protocol,
    routes: partsOf(row.routes, " "),
    tls: row.tls,
    trust: row.trust,
    levels: partsOf(row.levels, ",").filter(isLevel),
    namespace: row.namespace === "" ? null : row.namespace,
    requireToken: row.require_token === 1,
    anonymous: row.anonymous === 1,
    alsoLocal: row.also_local === 1,
    claims: row.claims,
    createdAt: new Date(row.created_at).toISOString(),
    createdBy: row.created_by,
  };
}

function partsOf(text: string, separator: string): readonly string[] {
  return text === "" ? [] : text.split(separator);
}
