/** OpAMP's one path, for WebSocket and polling alike. */
export const CONTROL_PATH = "/v1/opamp";
