import type { Verbs } from "../noun.ts";
import { allowNames, denyName, listAllowedNames } from "./allow.ts";
import { showAuthorities } from "./authority.ts";
import { writeCrl } from "./crl.ts";
import { issueCertificate } from "./issue.ts";
import { listCertificates } from "./list.ts";
import { revokeCertificate } from "./revoke.ts";
import { showCertificate } from "./show.ts";
import { writeTrust } from "./trust.ts";

/** `tautline certs …` */
export const certificateVerbs: Verbs = {
  list: listCertificates,
  show: showCertificate,
  revoke: revokeCertificate,
  issue: issueCertificate,
  trust: writeTrust,
  allow: allowNames,
  deny: denyName,
  allowed: listAllowedNames,
  crl: writeCrl,
  authority: showAuthorities,
};
