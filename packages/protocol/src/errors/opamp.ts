import { defineErrors } from "./entry.ts";

/** OpAMP messages that break the wire rules (opamp-spec 0.18). */
export const opampErrors = defineErrors({
  "opamp.malformed": {
    sentence: "The message is not OpAMP: {reason}.",
    remedy:
      "Send protobuf messages of opamp.proto; over WebSocket each one is preceded by one zero byte.",
    status: 400,
    exit: 1,
  },
  "opamp.too_large": {
    sentence: "The message has {size} bytes; the limit is {limit}.",
    remedy: "Send smaller messages: fewer attributes, a smaller effective configuration.",
    status: 413,
    exit: 1,
  },
  "opamp.not_your_id": {
    sentence: "The message names agent {claimed}, but this link belongs to another agent.",
    remedy: "Send only messages about the agent whose certificate opened the link.",
    status: 403,
    exit: 1,
  },
  "opamp.one_at_a_time": {
    sentence: "Another request of this agent is still being answered.",
    remedy:
      "Send one request at a time, as OpAMP's plain HTTP transport wants it; try again in a moment.",
    status: 429,
    exit: 3,
  },
  "opamp.promotion_unproven": {
    sentence: "The promotion is not signed by the root that it names: {reason}.",
    remedy:
      "Somebody on the way may have changed it; it was not kept. Ask central's operators for a token instead: it names central's addresses and the pin of its root itself.",
    status: 400,
    exit: 1,
  },
  "opamp.promotion_malformed": {
    sentence: "The promotion is not complete: {reason}.",
    remedy: "Compare 'tautline --version' on both hosts, then 'tautline agents promote ID' again.",
    status: 400,
    exit: 1,
  },
});
