import { defineErrors } from "./entry.ts";

/** Links that were taken for who they are, and lack what the policy of their namespace asks for. They name levels and settings, and nobody. */
export const policyLinkErrors = defineErrors({
  "policy.level_refused": {
    sentence:
      "The policy does not accept {kind} links at the level {level} here; it accepts {accepted}.",
    remedy:
      "On this host: {setting}, after 'tautline agent join' if it has not joined. At central: 'tautline policy show' tells what holds, 'tautline policy plan' what a change would do.",
    status: 426,
    exit: 1,
  },
  "policy.client_unproven": {
    sentence:
      "The policy wants whoever dials to prove on the link itself who it is, and this {kind} link at the level {level} does not.",
    remedy:
      "Join this host ('tautline tokens create' at central, then 'tautline agent join TOKEN') and let it dial at basic or a higher level. At central: 'tautline policy show' tells what holds.",
    status: 403,
    exit: 1,
  },
  "policy.not_post_quantum": {
    sentence:
      "The policy wants a hybrid post-quantum key exchange, and this {kind} link at the level {level} used {group}.",
    remedy:
      "Let this host dial at advanced, tls or mtls with X25519MLKEM768, which OpenSSL has from 3.5 on; nothing between the two hosts may open the link. At central: 'tautline policy show' tells what holds.",
    status: 403,
    exit: 1,
  },
});
