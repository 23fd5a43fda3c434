import type { Verbs } from "../noun.ts";
import { showAuthorities } from "./authority.ts";
import { listCertificates } from "./list.ts";
import { showCertificate } from "./show.ts";

/** `tautline certs …` */
export const certificateVerbs: Verbs = {
  list: listCertificates,
  show: showCertificate,
  authority: showAuthorities,
};
