/** What was set of central's ports for agents and for telemetry while it ran; null where the settings file still decides. */
export interface ListenerTable {
  name: "agents" | "plaintext" | "receiver" | "receiver-plaintext";
  bind: string | null;
  port: number | null;
  /** Separated by commas. */
  levels: string | null;
  /** Of `plaintext`: 1 where it is spoken on the secure port. */
  shared: number | null;
  changed_at: number;
}
