import assert from "node:assert/strict";
import { test } from "node:test";
import { cacheFolder, startingEnvironment, testEnvironment } from "./environment.ts";

test("tests see nothing of the caller's trust, of Node's switches and of the product's own variables", () => {
  const caller = {
    PATH: "/usr/bin",
    HOME: "/nowhere",
    TAUTLINE_DATA: "data",
    TAUTLINE_: "",
    NODE_EXTRA_CA_CERTS: "ca.pem",
    NODE_OPTIONS: "--inspect",
    NODE_COMPILE_CACHE: "cache",
    NODE_TEST_CONTEXT: "child-v8",
    NODE_V8_COVERAGE: "coverage",
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: "ca.pem",
    SSL_CERT_FILE: "ca.pem",
    SSL_CERT_DIR: "certs",
    MY_TAUTLINE_X: "kept",
  };
  assert.deepEqual(testEnvironment(caller), {
    PATH: "/usr/bin",
    HOME: "/nowhere",
    MY_TAUTLINE_X: "kept",
  });
});

test("the program that tests start, and what is compiled of it, stand in folders that Git does not look at", () => {
  assert.deepEqual(startingEnvironment("/house", cacheFolder("/house", "bundle")), {
    NODE_COMPILE_CACHE: "/house/node_modules/.cache/compiled",
    TAUTLINE_PROGRAM: "/house/node_modules/.cache/bundle",
  });
});
