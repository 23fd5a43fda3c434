import type { CertificateUse } from "@tautline/protocol";

/** Which names agents may have in certificates for their hosts' programs; what is denied leaves no row. */
export interface ProgramNameTable {
  namespace: string;
  /** The one agent it is for; empty for every agent of the namespace. */
  agent_id: string;
  /** A DNS name, a wildcard of one label, or an IP address, in its one spelling. */
  name: string;
  use: CertificateUse;
  created_at: number;
  created_by: string;
}
