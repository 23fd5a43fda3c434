import { defineErrors } from "./entry.ts";

/** Re-openings of plaintext at central (DESIGN "Policy"). */
export const policyReopeningErrors = defineErrors({
  "policy.source_range": {
    sentence: "'{text}' is no range of source addresses: {reason}.",
    remedy:
      "Nothing was opened. Write the lowest address and the number of leading bits, such as 192.0.2.0/24 or 2001:db8:7::/48, or a single address; several with commas between.",
    status: 400,
    exit: 1,
  },
  "policy.reopening_unknown": {
    sentence: "There is no re-opening of plaintext '{id}'.",
    remedy: "'tautline policy reopenings' lists them.",
    status: 404,
    exit: 1,
  },
  "policy.reopenings_full": {
    sentence: "Plaintext is re-opened {limit} times already.",
    remedy:
      "Nothing was opened. 'tautline policy reopenings' lists them; end one with 'tautline policy end-reopening ID', or name several ranges in one.",
    status: 409,
    exit: 1,
  },
});
