import { setImmediate as nextTurn } from "node:timers/promises";
import type { TautlineError } from "@tautline/protocol";
import type { Store } from "../store/store.ts";
import { judgeCaller } from "./admission-rule.ts";
import { callerRecord } from "./caller-record.ts";

/** An agent that was let in, and the certificate that it was let in by. */
export interface Standing {
  readonly agentId: string;
  /** Lower-case hex. */
  readonly serial: string;
}

/** Looked up in one go; other work comes between two of them. */
const AT_ONCE = 200;

/**
 * Judges again, by the rule of admission, those who were let in before.
 *
 * @param store central's database
 * @param standings whom; the same may be named several times
 * @returns a refusal for each that would not be let in now
 */
export async function judgeStandings<One extends Standing>(
  store: Store,
  standings: readonly One[],
): Promise<ReadonlyMap<One, TautlineError>> {
  const refused = new Map<One, TautlineError>();
  for (let at = 0; at < standings.length; at += AT_ONCE) {
    if (at > 0) await nextTurn();
    await judgeSome(store, standings.slice(at, at + AT_ONCE), refused);
  }
  return refused;
}

async function judgeSome<One extends Standing>(
  store: Store,
  standings: readonly One[],
  refused: Map<One, TautlineError>,
): Promise<void> {
  const { agents, certificates, revokedPins } = await readRecords(store, standings);
  for (const standing of standings) {
    const agent = agents.get(standing.agentId);
    const certificate = certificates.get(standing.serial);
    const isKeyRevoked = certificate !== undefined && revokedPins.has(certificate.pin);
    // Its name was compared with the record when it was let in; an agent does not change its namespace.
    const namespace = agent?.namespace ?? "";
    const who = { kind: "agent", trustDomain: "", namespace, agentId: standing.agentId } as const;
    const refusal = judgeCaller(who, callerRecord(agent, certificate, isKeyRevoked));
    if (refusal !== undefined) refused.set(standing, refusal);
  }
}

async function readRecords(store: Store, standings: readonly Standing[]) {
  const ids = [...new Set(standings.map(({ agentId }) => agentId))];
  const serials = [...new Set(standings.map(({ serial }) => serial))];
  return store.read(async (db) => {
    const agents = await db
      .selectFrom("agents")
      .select(["id", "namespace", "state", "clone_suspected_at", "proven_counter"])
      .where("id", "in", ids)
      .execute();
    const certificates = await db
      .selectFrom("certificates")
      .select(["serial", "agent_id", "purpose", "pin", "revoked_at", "renewal_counter"])
      .where("serial", "in", serials)
      .execute();
    const revoked = await db
      .selectFrom("certificates")
      .select("pin")
      .where("pin", "in", certificates.map(({ pin }) => pin).concat(""))
      .where("revoked_at", "is not", null)
      .execute();
    return {
      agents: new Map(agents.map((row) => [row.id, row])),
      certificates: new Map(certificates.map((row) => [row.serial, row])),
      revokedPins: new Set(revoked.map(({ pin }) => pin)),
    };
  });
}
