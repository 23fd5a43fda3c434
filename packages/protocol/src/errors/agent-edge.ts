import { defineErrors } from "./entry.ts";

/** The agent's edge: telemetry of this host's programs on its way out. */
export const agentEdgeErrors = defineErrors({
  "agent.edge_listen_failed": {
    sentence: "The edge cannot listen at {address}: {reason}.",
    remedy:
      "Stop whatever listens there, or give the edge another address ('edge.listen' in agent.yaml). The agent tries again by itself.",
    status: 500,
    exit: 1,
  },
  "agent.edge_caller_refused": {
    sentence: "The call is refused: {reason}.",
    remedy:
      "The edge takes calls of this host's own programs only, not of web pages: call it at 127.0.0.1 or localhost, without the header Origin.",
    status: 403,
    exit: 1,
  },
  "agent.edge_unjoined": {
    sentence: "The edge in agent.yaml does not work: this agent has no identity.",
    remedy:
      "Run 'tautline agent join TOKEN', or name another receiver in SW_AGENT_COLLECTOR_BACKEND_SERVICES (docs/guides/edge.md), or take 'edge.listen' out of agent.yaml.",
    status: 409,
    exit: 1,
  },
  "agent.edge_variable": {
    sentence: "The environment variable {variable} cannot be used: {reason}.",
    remedy:
      "Nothing was started with less than was meant. Correct it or take it out; docs/guides/edge.md lists what each may say.",
    status: 500,
    exit: 1,
  },
  "agent.edge_unsecured": {
    sentence:
      "SW_AGENT_COLLECTOR_BACKEND_SERVICES names receivers, and nothing says by what they are verified.",
    remedy:
      "Name their authority in SW_AGENT_SSL_TRUSTED_CA_PATH, or say SW_AGENT_FORCE_TLS=true to verify by this system's store; only if plaintext is meant, set 'edge.plaintext: true' in agent.yaml.",
    status: 500,
    exit: 1,
  },
  "agent.edge_loop": {
    sentence: "SW_AGENT_COLLECTOR_BACKEND_SERVICES names {address}, where the edge itself listens.",
    remedy:
      "Take the variable out of the agent's own environment (it is meant for the programs), or name the receiver in it.",
    status: 500,
    exit: 1,
  },
  "agent.edge_away": {
    sentence: "The edge could not carry the call on: {reason}",
    remedy:
      "Send it again later; see with 'tautline agent status' how the edge's links are, and what it keeps meanwhile.",
    status: 503,
    exit: 3,
  },
  "agent.edge_busy": {
    sentence: "The edge holds {bytes} bytes of calls under way, which is the limit.",
    remedy: "Send it again later, in smaller batches.",
    status: 503,
    exit: 3,
  },
  "agent.edge_kept_refused": {
    sentence:
      "A call to {path} that was kept while nobody could be reached was refused when it was sent again: {reason}.",
    remedy:
      "It is counted as lost. Look in the log of central or of the backend at the same second why it is refused.",
    status: 502,
    exit: 1,
  },
  "agent.edge_store_full": {
    sentence: "The edge's store is full: {bytes} bytes of calls are kept already.",
    remedy:
      "Let the agent reach central again; if outages are to be outlasted for longer, raise 'edge.store.maxBytes' in agent.yaml.",
    status: 503,
    exit: 3,
  },
  "agent.edge_store_failed": {
    sentence: "A call could not be kept in {folder}: {reason}.",
    remedy: "Make room on that disk, and see that the folder belongs to the agent's user.",
    status: 503,
    exit: 1,
  },
  "agent.edge_record_damaged": {
    sentence:
      "Kept calls are damaged: {file}, at {place}; as many as {records} are lost and counted.",
    remedy: "What is whole around them is sent. Have the disk checked.",
    status: 500,
    exit: 1,
  },
  "agent.edge_record_unknown": {
    sentence: "A kept call is of a form that this version does not know.",
    remedy: "It is counted as lost. It was written by another version of the agent.",
    status: 500,
    exit: 1,
  },
  "agent.edge_state_damaged": {
    sentence: "What was delivered of the kept calls cannot be read: {file}.",
    remedy:
      "Everything that is kept is sent again, some of it a second time. Have the disk checked.",
    status: 500,
    exit: 1,
  },
  "agent.edge_report_malformed": {
    sentence: "What an agent says of its edge cannot be read: {reason}.",
    remedy: "Compare 'tautline --version' on both hosts.",
    status: 400,
    exit: 1,
  },
  "agent.edge_segment_unreadable": {
    sentence: "A file of kept calls cannot be read, and is set aside: {file}: {reason}.",
    remedy:
      "Its calls are counted as lost, and everything else goes on. Give the file to the agent's user (mode 0600), have the disk checked, and start the agent anew: if it can be read then, its calls are sent after all. If not, remove it.",
    status: 500,
    exit: 1,
  },
  "agent.edge_store_foreign": {
    sentence: "What is kept in {folder} was sealed by another vault than this agent's.",
    remedy:
      "The edge does not listen, so that nothing of it is thrown away. Put the vault back that belongs to it, or move the folder away; the agent tries again by itself.",
    status: 500,
    exit: 1,
  },
});
