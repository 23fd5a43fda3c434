import type { AuditLog } from "../audit/audit-log.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CertifiedNames } from "../authority/own-names.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import type { ProgramAnswerDeps } from "./answer-request.ts";
import { createProgramIssuer, type ProgramIssuer } from "./program-issuer.ts";
import { createProgramNameStore, type ProgramNameStore } from "./program-name-store.ts";
import type { TakenNames } from "./program-names.ts";

/** Certificates as files for programs that are none of ours. */
export interface Programs {
  readonly names: ProgramNameStore;
  readonly issuer: ProgramIssuer;
  /** What sessions answer agents by. */
  readonly answering: ProgramAnswerDeps;
}

/** What they need. */
export interface ProgramsDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly authority: CertificateAuthority;
  readonly now: () => number;
  /** Life of what agents keep, milliseconds. */
  readonly keptLifetimeMs: number;
  /** Names and addresses of central's own certificate, as they are now. */
  readonly ownNames: () => CertifiedNames;
}

/**
 * Makes who issues programs' certificates, and who keeps which names agents may have.
 *
 * @param deps central's parts
 */
export function createPrograms(deps: ProgramsDeps): Programs {
  const { authority, ownNames } = deps;
  const takenNames = async (db: Reader | Writer): Promise<TakenNames> => {
    const rows = await db.selectFrom("namespaces").select("name").execute();
    const namespaces = rows.map(({ name }) => name);
    return { central: ownNames(), trustDomain: authority.trustDomain, namespaces };
  };
  const issuer = createProgramIssuer({ ...deps, takenNames });
  const names = createProgramNameStore({ ...deps, takenNames });
  return { names, issuer, answering: { issuer, audit: deps.audit } };
}
