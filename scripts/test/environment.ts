import { join } from "node:path";

/** Variables that would let the caller's machine decide over a test: trust, Node's own switches, and the product's settings. */
const REMOVED =
  /^(?:TAUTLINE_.*|NODE_COMPILE_CACHE|NODE_EXTRA_CA_CERTS|NODE_OPTIONS|NODE_TEST_CONTEXT|NODE_V8_COVERAGE|GRPC_DEFAULT_SSL_ROOTS_FILE_PATH|SSL_CERT_FILE|SSL_CERT_DIR)$/;

/**
 * The environment that tests run in.
 *
 * @param caller the environment of `npm test`
 */
export function testEnvironment(
  caller: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(caller).filter(([name]) => !REMOVED.test(name)));
}

/**
 * What lets processes that tests start find the program's code compiled already; most of a start is compiling.
 *
 * @param root the repository's folder; the cache stands where an installation may write and Git does not look
 */
export function compiledOnce(root: string): Record<string, string> {
  return { NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "compiled") };
}
