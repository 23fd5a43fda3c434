import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OPERATOR_ROLES, type OperatorRole } from "@tautline/protocol";
import { decideAccess, decideCall, type Decision, type Reach } from "./access-rule.ts";
import { actorOf, LOCAL_PRINCIPAL } from "./principal.ts";

const REACHES = ["nothing", "central", "object", "place", "list"] as const;

/** What somebody with role enough may do: [caller's namespace, what is touched, where it belongs, decision]. */
const PLACES: readonly (readonly [string, Reach, string, Decision])[] = [
  ["", "nothing", "", "allow"],
  ["", "central", "", "allow"],
  ["", "object", "", "allow"],
  ["", "object", "a", "allow"],
  ["", "place", "", "allow"],
  ["", "place", "a", "allow"],
  ["", "list", "", "allow"],
  ["", "list", "a", "allow"],
  ["a", "nothing", "", "allow"],
  ["a", "central", "", "forbidden"],
  ["a", "object", "a", "allow"],
  ["a", "object", "b", "missing"],
  ["a", "object", "", "missing"],
  ["a", "object", "A", "missing"],
  ["a", "object", "a ", "missing"],
  ["a", "place", "a", "allow"],
  ["a", "place", "b", "missing"],
  ["a", "place", "", "forbidden"],
  ["a", "list", "a", "allow"],
  ["a", "list", "b", "missing"],
  ["a", "list", "", "missing"],
];

/** Roles that are not enough: [held, needed]. */
const TOO_LOW: readonly (readonly [OperatorRole, OperatorRole])[] = [
  ["viewer", "operator"],
  ["viewer", "admin"],
  ["operator", "admin"],
];

describe("who may do what", () => {
  for (const [own, reach, namespace, decision] of PLACES) {
    it(`A18: an operator of '${own}' who touches ${reach} of '${namespace}': ${decision}`, () => {
      for (const role of OPERATOR_ROLES) {
        const who = { name: "ana", role, namespace: own };
        assert.equal(decideAccess(who, { role, reach }, namespace), decision);
      }
    });
  }

  for (const [held, needed] of TOO_LOW) {
    it(`A1: a ${held} never does what needs an ${needed}, wherever it is`, () => {
      for (const reach of REACHES) {
        for (const own of ["", "a"]) {
          const who = { name: "ana", role: held, namespace: own };
          assert.equal(decideCall(who, { role: needed, reach }), "forbidden");
          for (const namespace of ["", "a", "b"]) {
            assert.equal(decideAccess(who, { role: needed, reach }, namespace), "forbidden");
          }
        }
      }
    });
  }

  it("whatever may not be called may not be done", () => {
    for (const role of OPERATOR_ROLES) {
      for (const reach of REACHES) {
        const who = { name: "ana", role: "operator", namespace: "a" } as const;
        if (decideCall(who, { role, reach }) === "allow") continue;
        for (const namespace of ["", "a", "b"]) {
          assert.equal(decideAccess(who, { role, reach }, namespace), "forbidden");
        }
      }
    }
  });

  it("the admin socket's caller may do everything and is named in the trail", () => {
    assert.equal(actorOf(LOCAL_PRINCIPAL), "operator:local");
    for (const role of OPERATOR_ROLES) {
      for (const reach of REACHES) {
        assert.equal(decideAccess(LOCAL_PRINCIPAL, { role, reach }, "b"), "allow");
      }
    }
  });
});
