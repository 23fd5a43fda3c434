import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCentralAddresses } from "@tautline/protocol";
import { withCore } from "../fixture-core.test.ts";
import { ADDRESSES_KEY } from "../settings/setting-rule.ts";
import { openCentralAddresses } from "./wanted-addresses.ts";

const own = (): readonly string[] => ["192.0.2.1:9150"];
const advertised = (): readonly string[] => ["file.example:9150"];
const nobody = (): readonly string[] => [];

test("agents are sent what was set for their namespace, else for all, else the settings file's; this host's own are only told to who joins", () =>
  withCore(async ({ store, settings, namespaces }) => {
    await namespaces.create("plant", "operator:local");
    const addresses = await openCentralAddresses({ store, advertised: nobody, own });
    assert.equal(addresses.wantedBy("plant"), undefined);
    assert.deepEqual(addresses.toldTo("plant"), own());

    const withFile = await openCentralAddresses({ store, advertised, own });
    assert.deepEqual(withFile.wantedBy("plant")?.addresses, ["file.example:9150"]);

    const put = (namespace: string, value: string): Promise<void> =>
      settings.put({ namespace, key: ADDRESSES_KEY, value }, "operator:local");
    await put("", "all.example:1, all.example:2");
    await put("plant", "plant.example:9150");
    await withFile.refresh();
    assert.deepEqual(withFile.wantedBy("default")?.addresses, ["all.example:1", "all.example:2"]);
    assert.deepEqual(withFile.toldTo("plant"), ["plant.example:9150"]);
    const wanted = withFile.wantedBy("plant");
    assert.deepEqual(decodeCentralAddresses(wanted?.subject ?? new Uint8Array()), [
      "plant.example:9150",
    ]);
    assert.equal(wanted?.digest.length, 32);
  }));
