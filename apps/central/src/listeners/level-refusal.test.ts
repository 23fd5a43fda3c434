import assert from "node:assert/strict";
import { test } from "node:test";
import { asRefusal, levelElsewhere, levelNotAccepted, refusalFor } from "./level-refusal.ts";

test("OV-20: a level that is not accepted is refused with what each end lacks, and the setting", () => {
  const error = levelNotAccepted("basic", ["tls", "mtls"]);
  assert.equal(error.code, "admission.level_not_accepted");
  assert.equal(error.status, 426);
  assert.match(error.message, /agent offers basic, central offers tls, mtls/);
  assert.match(error.remedy, /'tautline listeners set agents --levels tls,mtls,basic'/);
});

test("plaintext is refused with the listener that would take it", () => {
  const { remedy } = levelNotAccepted("plaintext", ["tls", "mtls"]);
  assert.match(remedy, /'tautline listeners set plaintext --bind public'/);
});

test("a level that another port takes is told so, and no setting to change", () => {
  const { code, message, remedy } = levelElsewhere("basic");
  assert.equal(code, "admission.level_not_accepted");
  assert.equal(
    message,
    "Central does not accept the level basic here. It accepts basic on another port than this one.",
  );
  assert.equal(remedy, "Dial that port. At central: 'tautline listeners list'.");
});

test("a shared port's plaintext is no level that --levels of the secure one has to repeat", () => {
  const { remedy } = levelNotAccepted("advanced", ["plaintext", "mtls"]);
  assert.match(remedy, /'tautline listeners set agents --levels mtls,advanced'/);
});

test("each verdict has its own refusal, and a caller whom the admission judges has none", () => {
  const accepted = ["mtls"] as const;
  assert.equal(refusalFor("accepted", "mtls", accepted), undefined);
  assert.equal(
    refusalFor("certificate needed", "tls", accepted)?.code,
    "admission.certificate_needed",
  );
  assert.equal(refusalFor("token in the open", "basic", accepted), undefined);
  assert.equal(refusalFor("closed", "basic", accepted)?.code, "admission.level_not_accepted");
});

test("the same refusal is said in the language of the level basic", () => {
  const error = levelNotAccepted("basic", []);
  const { code, message: text, remedy } = error;
  assert.deepEqual(asRefusal(error), { code, text, remedy });
  assert.match(text, /central offers no level/);
});
