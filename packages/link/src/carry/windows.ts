/** What one call may send before it was read, bytes: enough for a stream of 20 MB/s over 12 ms (RFC 9113 section 6.9.2). */
export const STREAM_WINDOW_BYTES: number = 256 * 1024;
/** And all calls of a connection together. */
export const CONNECTION_WINDOW_BYTES: number = 1024 * 1024;
