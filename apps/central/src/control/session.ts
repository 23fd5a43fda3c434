import type { ServerToAgent, TautlineError } from "@tautline/protocol";

/** What the messages of one control link mean; it knows nothing of the transport they ride on. */
export interface Session {
  /** The agent it is about; undefined until a joining agent has said. */
  readonly agentId: string | undefined;
  /** False while what the agent says to be is on its way to the disk: it is not missing there because it was ended. */
  readonly isRecorded?: boolean;
  /** False where what was answered makes no link of it: somebody was told one thing, and is to go. */
  readonly isLink?: boolean;
  /** Whether the agent has said good-bye. */
  isEnded(): boolean;
  /** What an agent that has not said good-bye is told when its session has ended. */
  farewell?(): TautlineError | undefined;
  /**
   * Takes one message and gives the answer; what the answer acknowledges is on the disk.
   *
   * @param bytes one AgentToServer, without a transport's framing
   * @throws TautlineError: the refusal, to be told to the agent
   */
  receive(bytes: Uint8Array): Promise<ServerToAgent>;
  /** What central has to tell the agent unasked; undefined when there is nothing. */
  push(): Promise<ServerToAgent | undefined>;
}
