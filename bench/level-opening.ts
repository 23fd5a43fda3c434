/** The plaintext callers of the benchmark of levels begin as HTTP does, so that the port for all levels knows them. */
export const PLAIN_OPENING = "GET ";
