import { defineErrors } from "./entry.ts";

/** Keys, requests, certificates and chains. */
export const pkiErrors = defineErrors({
  "pki.csr_malformed": {
    sentence: "The certificate request cannot be read: {reason}.",
    remedy: "Send one PKCS#10 request (RFC 2986) in PEM, signed by its own key.",
    status: 400,
    exit: 1,
  },
});
