import type { Verbs } from "../noun.ts";
import { showAuthorities } from "./authority.ts";
import { writeCrl } from "./crl.ts";
import { listCertificates } from "./list.ts";
import { revokeCertificate } from "./revoke.ts";
import { showCertificate } from "./show.ts";

/** `tautline certs …` */
export const certificateVerbs: Verbs = {
  list: listCertificates,
  show: showCertificate,
  revoke: revokeCertificate,
  crl: writeCrl,
  authority: showAuthorities,
};
