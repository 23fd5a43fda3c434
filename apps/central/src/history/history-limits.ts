/** The bounds of the history of links, each with a test that exceeds it by one; docs/reference/evidence-history.md says what happens then. */
export const HISTORY_LIMITS = {
  /** Characters of a component's name. */
  componentCharacters: 64,
  /** Names of components known at once; real fleets have a handful. */
  components: 4_096,
  /** Characters of a protocol's, cipher's or group's name. */
  evidenceCharacters: 64,
  /** Combinations of evidence known at once; a fleet shows tens. */
  profiles: 4_096,
  /** Keys (kind, component, profile, reason) of one agent that are kept apart; more are told by kind, level and reason alone. */
  keysPerAgent: 64,
  /** Characters of a remote address: the longest IPv6 address with a zone's name. */
  addressCharacters: 64,
  /** Sightings that wait to be written. */
  waiting: 200_000,
  /** Networks of strangers that wait to be written, by reason. */
  waitingNetworks: 256,
  /** Rows of strangers, by network and reason. */
  networks: 4_096,
} as const;
