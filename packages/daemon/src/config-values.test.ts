import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durationSetting, portSetting } from "./config-values.ts";

describe("durationSetting", () => {
  const setting = durationSetting("15m", "1s", "24h");

  it("gives milliseconds, the default and both ends included", () => {
    assert.equal(setting.parse(undefined), 15 * 60 * 1_000);
    assert.equal(setting.parse("1s"), 1_000);
    assert.equal(setting.parse("24h"), 86_400_000);
    assert.equal(setting.parse("1d"), 86_400_000);
  });

  it("refuses what is out of range, malformed, or a bare number whose unit nobody said", () => {
    for (const value of ["0s", "25h", "1441m", "", "15", "-1s", "1.5h", "15 m", 900, null]) {
      assert.equal(setting.safeParse(value).success, false, String(value));
    }
  });

  it("says one thing about one mistake", () => {
    assert.equal(setting.safeParse("soon").error?.issues.length, 1);
    assert.equal(setting.safeParse("25h").error?.issues.length, 1);
  });
});

describe("portSetting", () => {
  it("takes 0 to 65535", () => {
    const setting = portSetting(9150);
    assert.equal(setting.parse(undefined), 9150);
    for (const port of [0, 1, 65_535]) assert.equal(setting.parse(port), port);
    for (const port of [-1, 65_536, 1.5, "80", null, Number.NaN]) {
      assert.equal(setting.safeParse(port).success, false, String(port));
    }
  });
});
