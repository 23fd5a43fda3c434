/** The version of this agent as it tells central and people; one version for the whole product. */
export const AGENT_VERSION = "0.1.0";
