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

/** Where what is made for tests stands: an installation may write there, and Git does not look. */
export function cacheFolder(root: string, name: string): string {
  return join(root, "node_modules", ".cache", name);
}

/**
 * What lets tests start the program as it is released, and quickly: most of a start is compiling.
 *
 * @param root the repository's folder
 * @param program the bundled program's file
 */
export function startingEnvironment(root: string, program: string): Record<string, string> {
  return { NODE_COMPILE_CACHE: cacheFolder(root, "compiled"), TAUTLINE_PROGRAM: program };
}
