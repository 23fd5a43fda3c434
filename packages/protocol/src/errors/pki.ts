import { defineErrors } from "./entry.ts";

/** Keys, requests, certificates and chains. */
export const pkiErrors = defineErrors({
  "pki.pem_malformed": {
    sentence: "This is not PEM text: {reason}.",
    remedy:
      "Give the file as its tool wrote it (RFC 7468): whole '-----BEGIN ...-----' to '-----END ...-----' blocks, nothing cut off.",
    status: 400,
    exit: 1,
  },
  "pki.key_malformed": {
    sentence: "The key cannot be read: {reason}.",
    remedy:
      "Give one unencrypted PKCS#8 private key or one SPKI public key in PEM, as the command asks for.",
    status: 400,
    exit: 1,
  },
  "pki.key_encrypted": {
    sentence: "The private key is encrypted by a passphrase.",
    remedy:
      "Nothing here could type the passphrase at a restart. Write the key without one into a file of mode 0600: (umask 077; openssl pkey -in KEY -out NEW).",
    status: 400,
    exit: 1,
  },
  "pki.key_not_accepted": {
    sentence: "The key is of a kind that is not accepted: {reason}.",
    remedy: "Use a key on P-256 or P-384, an Ed25519 key, or RSA of 2,048 to 4,096 bits.",
    status: 400,
    exit: 1,
  },
  "pki.csr_malformed": {
    sentence: "The certificate request cannot be read: {reason}.",
    remedy: "Send one PKCS#10 request (RFC 2986) in PEM, signed by its own key.",
    status: 400,
    exit: 1,
  },
  "pki.csr_not_permitted": {
    sentence: "The certificate request asks for what central does not give on request: {asked}.",
    remedy:
      "Send a request with the key alone: subject empty or CN=<agent id>, no attributes. Names and uses come from central's own record. If this agent was not changed by you, look at who runs it.",
    status: 403,
    exit: 1,
  },
  "pki.csr_bad_signature": {
    sentence: "The certificate request is not signed by the key it names.",
    remedy:
      "Make a new request with the agent's own private key; a copied or altered request is never honoured.",
    status: 400,
    exit: 1,
  },
  "pki.proof_malformed": {
    sentence: "The proof of identity cannot be read: {reason}.",
    remedy:
      "Compare 'tautline --version' on both hosts; a proxy between them may have cut the header.",
    status: 400,
    exit: 1,
  },
  "pki.certificate_malformed": {
    sentence: "The certificate cannot be read: {reason}.",
    remedy: "Give X.509 version 3 certificates (RFC 5280) in PEM, each as its authority issued it.",
    status: 400,
    exit: 1,
  },
  "pki.issue_refused": {
    sentence: "The certificate is not issued: {reason}.",
    remedy:
      "Nothing was issued. If the authority has expired or does not belong to this namespace, look at 'tautline authorities list'.",
    status: 500,
    exit: 1,
  },
  "pki.crl_malformed": {
    sentence: "The revocation list cannot be read: {reason}.",
    remedy: "Give one complete, direct X.509 CRL (RFC 5280 section 5) in DER or PEM.",
    status: 400,
    exit: 1,
  },
  "pki.crl_wrong_issuer": {
    sentence: "The revocation list is not by the issuer of this certificate.",
    remedy: "Give the list of the authority that issued the certificate, not of another one.",
    status: 400,
    exit: 1,
  },
  "pki.crl_bad_signature": {
    sentence: "The revocation list is not signed by the authority it names.",
    remedy: "Fetch the list again from central; do not use this copy.",
    status: 400,
    exit: 1,
  },
  "pki.crl_not_yet_valid": {
    sentence: "The revocation list is dated {thisUpdate}, which is ahead of the time of the check.",
    remedy: "Compare the clocks of this host and of central.",
    status: 400,
    exit: 1,
  },
  "pki.crl_expired": {
    sentence: "The revocation list was to be replaced by {nextUpdate}.",
    remedy: "Fetch the current list from central; an old one does not know the latest revocations.",
    status: 400,
    exit: 1,
  },
  "pki.chain_expired": {
    sentence: "The certificate '{subject}' expired at {notAfter}; all else about it is in order.",
    remedy:
      "Renew it. A running agent does so by itself: compare the clocks of both hosts if it did not.",
    status: 403,
    exit: 1,
  },
  "pki.chain_issuer_expired": {
    sentence: "The certificate '{subject}' of the issuing authority expired at {notAfter}.",
    remedy: "Rotate the authority at central. If it is not due, compare the clocks of both hosts.",
    status: 403,
    exit: 1,
  },
  "pki.chain_not_yet_valid": {
    sentence: "The certificate '{subject}' is valid only from {notBefore}.",
    remedy: "Compare the clocks of both hosts; one of them is wrong.",
    status: 403,
    exit: 1,
  },
  "pki.chain_untrusted": {
    sentence: "No path leads from the certificate '{subject}' to a root that is trusted here.",
    remedy:
      "Check that both sides belong to the same central, and that the chain was sent with its intermediate.",
    status: 403,
    exit: 1,
  },
  "pki.chain_bad_signature": {
    sentence: "The certificate '{subject}' is not signed by the authority it names.",
    remedy: "It was altered or forged: do not use it, and find out where it came from.",
    status: 403,
    exit: 1,
  },
  "pki.chain_malformed": {
    sentence: "The certificate '{subject}' cannot be judged: {reason}.",
    remedy:
      "It was not issued by Tautline as it stands: do not use it, and find out where it came from.",
    status: 403,
    exit: 1,
  },
  "pki.chain_not_a_ca": {
    sentence:
      "The certificate '{subject}' was used as an authority, but it may not issue: {reason}.",
    remedy: "Somebody signed with a key that is no authority's: find out who holds that key.",
    status: 403,
    exit: 1,
  },
  "pki.chain_path_too_long": {
    sentence: "The authority '{subject}' may not have further authorities below it.",
    remedy: "An authority was made that its issuer does not allow: find out who holds that key.",
    status: 403,
    exit: 1,
  },
  "pki.chain_too_long": {
    sentence: "The chain is refused for its size: {reason}.",
    remedy: "Send the certificate and its intermediates only, each once.",
    status: 403,
    exit: 1,
  },
  "pki.chain_wrong_purpose": {
    sentence: "The certificate '{subject}' may not be used as a {purpose}: {reason}.",
    remedy:
      "Use the certificate made for this end of the link: an agent has one as client and one as server.",
    status: 403,
    exit: 1,
  },
  "pki.chain_name_not_permitted": {
    sentence: "The name '{name}' is not one that the authority '{subject}' may certify.",
    remedy:
      "An authority certified a name outside its namespace: treat its key as stolen and revoke it.",
    status: 403,
    exit: 1,
  },
  "pki.chain_wrong_name": {
    sentence: "The certificate '{subject}' does not name whom it should: {reason}.",
    remedy: "Check the address dialled and that both sides belong to the same central.",
    status: 403,
    exit: 1,
  },
  "pki.chain_revoked": {
    sentence: "The certificate '{subject}' with serial {serial} is revoked.",
    remedy: "If the agent is to come back, let it join again with a new token.",
    status: 403,
    exit: 1,
  },
  "pki.chain_unknown_critical_extension": {
    sentence:
      "The certificate '{subject}' has the critical extension {oid}, which is not known here.",
    remedy: "Upgrade this side if the certificate is by a newer Tautline; else do not use it.",
    status: 403,
    exit: 1,
  },
  "pki.chain_weak_key": {
    sentence: "The certificate '{subject}' rests on weak cryptography: {reason}.",
    remedy:
      "Issue it again with P-256, P-384, Ed25519 or RSA of 2,048 to 4,096 bits, and SHA-256 or better.",
    status: 403,
    exit: 1,
  },
});
