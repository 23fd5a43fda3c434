import { levelContract } from "@tautline/testing";
import { LEVELS_UNDER_TEST } from "../test/levels-under-test.ts";

for (const level of LEVELS_UNDER_TEST) levelContract(level);
