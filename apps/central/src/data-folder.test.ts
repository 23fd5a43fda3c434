import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { openFolderIdentity } from "./data-folder.ts";
import { refusalOf } from "./fixture-checks.test.ts";
import { openStore, type Store } from "./store/store.ts";
import { databaseHeaderStore } from "./store/vault-header-store.ts";

const withStore = (use: (store: Store) => Promise<void>): Promise<void> =>
  withTempFolder(async (folder) => {
    const store = await openStore(join(folder, "central.db"));
    try {
      await use(store);
    } finally {
      await store.close();
    }
  });

describe("openFolderIdentity", () => {
  it("marks a new folder and knows it again, by an id of its own", () =>
    withStore(async (store) => {
      const first = await openFolderIdentity(store, "fleet.test");
      assert.equal(first.trustDomain, "fleet.test");
      assert.match(first.centralId, /^[0-9a-f-]{36}$/);
      assert.deepEqual(await openFolderIdentity(store, "fleet.test"), first);
      await withStore(async (other) => {
        assert.notEqual((await openFolderIdentity(other, "fleet.test")).centralId, first.centralId);
      });
    }));

  it("refuses another trust domain, naming both", () =>
    withStore(async (store) => {
      const first = await openFolderIdentity(store, "fleet.test");
      const refusal = await refusalOf(
        openFolderIdentity(store, "other.test"),
        "central.trust_domain_fixed",
      );
      assert.match(refusal.message, /'other\.test'.*'fleet\.test'/);
      assert.deepEqual(await openFolderIdentity(store, "fleet.test"), first);
    }));
});

describe("databaseHeaderStore", () => {
  it("has nothing at first, then what was saved last, once", () =>
    withStore(async (store) => {
      const headers = databaseHeaderStore(store);
      assert.equal(await headers.load(), undefined);
      await headers.save("one");
      await headers.save("two");
      assert.equal(await headers.load(), "two");
      const rows = await store.read((db) => db.selectFrom("vault_header").selectAll().execute());
      assert.equal(rows.length, 1);
    }));
});
