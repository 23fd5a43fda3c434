import { forwardContract } from "@tautline/testing";
import { LEVELS_UNDER_TEST } from "../../test/levels-under-test.ts";

for (const level of LEVELS_UNDER_TEST) forwardContract(level);
