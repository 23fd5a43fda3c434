import { defineErrors } from "./entry.ts";

/** The operator's API. */
export const apiErrors = defineErrors({
  "api.invalid": {
    sentence: "The request is refused: {path}: {reason}.",
    remedy: "Correct the named field.",
    status: 400,
    exit: 2,
  },
  "api.too_large": {
    sentence: "The request is too large: {reason}.",
    remedy: "Send less at once.",
    status: 413,
    exit: 2,
  },
  "api.unsupported_media": {
    sentence: "The request's body is of a kind that is not read here: {reason}.",
    remedy:
      "Send application/json to the API, and application/x-protobuf, plain or gzip, to the control link.",
    status: 415,
    exit: 2,
  },
  "api.not_found": {
    sentence: "There is no {thing} '{id}'.",
    remedy: "List what there is with 'tautline {noun} list'.",
    status: 404,
    exit: 1,
  },
  "api.no_route": {
    sentence: "There is nothing at this address.",
    remedy:
      "Central and command may be of versions too far apart; compare 'tautline --version' on both.",
    status: 404,
    exit: 1,
  },
  "api.upgrade_required": {
    sentence: "What is at this address goes over to {protocol}; it has no answer in HTTP.",
    remedy:
      "Ask with 'Connection: Upgrade' and 'Upgrade: {protocol}', as 'tautline forwards open' does.",
    status: 426,
    exit: 1,
  },
  "api.conflict": {
    sentence: "{reason}.",
    remedy: "Look at it with 'tautline {noun} list' first.",
    status: 409,
    exit: 1,
  },
  "api.login_required": {
    sentence: "This needs an operator's login.",
    remedy:
      "Log in with 'tautline login URL' and a token that an administrator made by 'tautline operators create'. On central's own host use --data DIR: its admin socket needs no login.",
    status: 401,
    exit: 1,
  },
  "api.login_failed": {
    sentence: "The operator's token is not accepted: it is unknown, expired or disabled.",
    remedy:
      "Ask an administrator: 'tautline operators list' shows its state, and 'tautline operators create' makes another.",
    status: 401,
    exit: 1,
  },
  "api.login_limited": {
    sentence: "Too many failed logins; the next one is looked at in {retryAfterSeconds} s.",
    remedy:
      "Stop whatever repeats a wrong token from this address, then wait. On central's own host the admin socket (--data DIR) always works.",
    status: 429,
    exit: 1,
  },
  "api.forbidden": {
    sentence: "Operator {name} may not do this: it needs the role {role}{reach}.",
    remedy:
      "Ask an administrator; 'tautline routes' shows the role that each request needs, 'tautline operators list' who has it.",
    status: 403,
    exit: 1,
  },
});
