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
  "api.conflict": {
    sentence: "{reason}.",
    remedy: "Look at it with 'tautline {noun} list' first.",
    status: 409,
    exit: 1,
  },
  "api.login_required": {
    sentence: "This needs an operator's login.",
    remedy:
      "On central's own host use the command with --data DIR; its admin socket needs no login.",
    status: 401,
    exit: 1,
  },
});
