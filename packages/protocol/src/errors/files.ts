import { defineErrors } from "./entry.ts";

/** Certificates and keys that an existing PKI gives as files. */
export const filesErrors = defineErrors({
  "files.missing": {
    sentence: "The file {file} is missing.",
    remedy:
      "Nothing was secured with less. Put it there, or take the other file of the pair and the setting that names them away.",
    status: 500,
    exit: 2,
  },
  "files.switched_on": {
    sentence: "The file {file} is missing, and {level} was switched on by it (noted in {marker}).",
    remedy:
      "It stays on, so nothing starts with less. Put the file back; only if the level is really to be given up, remove {marker}.",
    status: 500,
    exit: 2,
  },
  "files.unreadable": {
    sentence: "The file {file} cannot be read: {reason}.",
    remedy: "Check that it is a plain file, and that its owner is the user this program runs as.",
    status: 500,
    exit: 2,
  },
  "files.key_open": {
    sentence: "The key file {file} can be read by others (mode {mode}).",
    remedy:
      "Close it: chmod 600 {file}. If others may have read it, have a new certificate issued for a new key.",
    status: 500,
    exit: 2,
  },
  "files.key_encrypted": {
    sentence: "The private key in {file} is encrypted by a passphrase.",
    remedy:
      "Nobody could type the passphrase at a restart. Write the key without one: (umask 077; openssl pkey -in {file} -out NEW), and give NEW.",
    status: 500,
    exit: 2,
  },
  "files.key_refused": {
    sentence: "The private key in {file} is refused: {reason}.",
    remedy:
      "Give one private key, PKCS#8, PKCS#1 or SEC 1 in PEM or DER: RSA of 2,048 to 4,096 bits, or on P-256 or P-384.",
    status: 500,
    exit: 2,
  },
  "files.certificates_refused": {
    sentence: "The certificates in {file} are refused: {reason}.",
    remedy:
      "Give X.509 certificates of version 3 in PEM, or one in DER; in a file of authorities none but authorities.",
    status: 500,
    exit: 2,
  },
  "files.pair_mismatch": {
    sentence: "The private key in {file} belongs to none of the certificates in {certificateFile}.",
    remedy:
      "Give the two files that were made together; both have to be replaced at a renewal with a new key.",
    status: 500,
    exit: 2,
  },
  "files.two_keys": {
    sentence: "There are two keys for one certificate: {one} and {other}.",
    remedy: "Keep the one that belongs to it and remove the other.",
    status: 500,
    exit: 2,
  },
});
