import { defineErrors } from "./entry.ts";

/** Forwards: how the carrying of one connection's bytes is refused, and how it ends when not in order. */
export const forwardErrors = defineErrors({
  "forward.malformed": {
    sentence: "What came over a forward's link is not the forward protocol: {reason}.",
    remedy:
      "The stream was reset and the link closed. Central and agent may be of versions too far apart; compare 'tautline --version' on both.",
    status: 400,
    exit: 1,
  },
  "forward.truncated": {
    sentence:
      "A stream lost bytes on its way: {said} were sent by {address}, and {received} arrived.",
    remedy:
      "The stream was reset, so that no program takes it for whole. Look for a proxy between the two ends that changes what it passes on.",
    status: 502,
    exit: 1,
  },
  "forward.cut": {
    sentence: "The link with {address} was cut in the middle of a stream.",
    remedy:
      "The stream was reset, so that no program takes it for whole. Links are dialled again by themselves; if it keeps happening, look for a firewall or proxy that cuts connections.",
    status: 503,
    exit: 3,
  },
  "forward.silent": {
    sentence: "Nothing was heard of {address} for {silentMs} ms and more; it was taken for gone.",
    remedy:
      "The stream was reset, so that no program takes it for whole. Look at the network between central and agent; links are dialled again by themselves.",
    status: 504,
    exit: 3,
  },
  "forward.refused": {
    sentence: "{address} refused to open '{forward}': {text} ({code})",
    remedy: "{remedy}",
    status: 403,
    exit: 1,
  },
  "forward.reset": {
    sentence: "{address} reset the stream: {text} ({code})",
    remedy: "{remedy}",
    status: 502,
    exit: 1,
  },
  "forward.closed": {
    sentence: "{address} closed the link before it carried the stream: {text} ({code})",
    remedy: "{remedy}",
    status: 503,
    exit: 3,
  },
  "forward.open_timeout": {
    sentence: "{address} did not say within {timeoutMs} ms whether it opens '{forward}'.",
    remedy:
      "Check that the target of this forward answers, and that no firewall holds its connections open without passing them on.",
    status: 504,
    exit: 3,
  },
  "forward.plain_reset": {
    sentence: "The program's own connection was reset: {reason}.",
    remedy:
      "The other end was told, and nothing is taken for whole. Read the log of the program that the forward leads to or comes from.",
    status: 502,
    exit: 1,
  },
  "forward.idle": {
    sentence: "A stream carried nothing for {timeoutMs} ms, which is its idle limit.",
    remedy:
      "Let the program keep its connection alive more often, or raise the idle limit of this forward.",
    status: 504,
    exit: 1,
  },
  "forward.too_long": {
    sentence: "A stream was open for {timeoutMs} ms, which is its total limit.",
    remedy: "The program may connect anew. Raise the total limit of this forward if it must not.",
    status: 504,
    exit: 1,
  },
  "forward.cancelled": {
    sentence: "The stream was ended at this end on purpose.",
    remedy: "Nothing to do; the program may connect again.",
    status: 503,
    exit: 1,
  },
});
