/** Where central speaks OpAMP on its agents' port, over WebSocket and over plain HTTP. */
export const OPAMP_PATH = "/v1/opamp";
