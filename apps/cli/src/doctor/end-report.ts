import type { PeerOffer } from "@tautline/protocol";
import type { CertificateFacts } from "./certificate-facts.ts";
import type { LevelReport } from "./level-report.ts";

/** What another end accepts, as a document. */
export interface EndReport {
  readonly address: string;
  /** Its version and the levels it accepts, by its own words; null where it does not say that it is a Tautline. */
  readonly offers: PeerOffer | null;
  /** Every level, from plaintext to mtls. */
  readonly levels: readonly LevelReport[];
  readonly settings: {
    /** What to set at an agent that shall connect there; null where no level is accepted. */
    readonly agent: string | null;
    /** What to set at central so that it accepts the other levels; null where the other end is no Tautline, or accepts all. */
    readonly central: string | null;
  };
  readonly tls13: HandshakeReport;
  readonly tls12: HandshakeReport;
  /** Key-exchange groups accepted when offered alone, in the order asked. */
  readonly groups: readonly string[];
  readonly asksForCertificate: boolean | null;
  readonly chain: readonly CertificateFacts[];
  /** Status line of the answer to an HTTP request without any credential. */
  readonly httpAnswer: string | null;
  /** The other clock minus this one; to the second where it is no Tautline. Null: it named no time. */
  readonly clockOffsetMs: number | null;
  readonly plaintext: { readonly answer: string; readonly line: string };
}

/** What came of one handshake; all null but `refusal` where it was refused. */
export interface HandshakeReport {
  readonly accepted: boolean;
  readonly cipher: string | null;
  readonly group: string | null;
  readonly refusal: string | null;
}
