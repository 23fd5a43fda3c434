import { defineErrors } from "./entry.ts";

/** Changes of policy at central (DESIGN "Policy": planned, applied, watched, undone). */
export const policyChangeErrors = defineErrors({
  "policy.would_cut_off": {
    sentence: "This policy would cut off {agents}.",
    remedy:
      "Nothing was changed. 'tautline policy plan' with the same options says why, and what to do for each; name those that may be cut off with --allow-cut-off ID,ID.",
    status: 409,
    exit: 1,
  },
  "policy.agents_unknown": {
    sentence:
      "Nobody knows what this policy does to {agents}: they were not linked in the period that was looked at.",
    remedy:
      "Nothing was changed. Start them, or look further back with --since; revoke or delete those that are gone for good ('tautline agents revoke ID'). Those that may be cut off are named with --allow-cut-off ID,ID, or all with --allow-unknown.",
    status: 409,
    exit: 1,
  },
  "policy.change_running": {
    sentence: "Change {id} of the policy of {where} is still under way: it is {step}.",
    remedy:
      "Nothing was changed. Wait for its end ('tautline policy history'), or take it back with 'tautline policy undo'.",
    status: 409,
    exit: 1,
  },
  "policy.nothing_to_undo": {
    sentence: "There is no change of policy to undo in {where}: {reason}.",
    remedy: "'tautline policy history' lists what was changed, and what was undone.",
    status: 409,
    exit: 1,
  },
  "policy.undone": {
    sentence: "Change {id} of the policy was undone: {reason}.",
    remedy:
      "The policy is as it was before. 'tautline policy history {id}' names the agents that did not come back; look at each before the next attempt.",
    status: 409,
    exit: 1,
  },
  "policy.agent_missing": {
    sentence: "Agent {id} has not come back since the policy was tightened.",
    remedy:
      "'tautline agents show {id}' says where it was last; look at its log and at what stands between it and central's secure port.",
    status: 409,
    exit: 1,
  },
});
