import { forwardContract } from "@tautline/testing";
import { LEVELS_UNDER_TEST } from "../../test/levels-under-test.ts";

for (const level of LEVELS_UNDER_TEST) forwardContract(level);
// The other way of reading, over a bare socket, a TLS socket and a stream that is no socket.
for (const level of LEVELS_UNDER_TEST) {
  if (["plaintext", "basic", "mtls"].includes(level.level)) forwardContract(level, "as Node reads");
}
