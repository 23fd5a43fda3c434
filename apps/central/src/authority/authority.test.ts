import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { copyFileSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createKeyPair, exportPrivateKey, verifyChain } from "@tautline/pki";
import { formatSpiffeId } from "@tautline/protocol";
import { createFakeClock, withTempFolder } from "@tautline/testing";
import { openNamespaces } from "../fleet/namespace-store.ts";
import { refusalOf, snapshotOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  type Core,
  DAY_MS,
  joinNew,
  makeToken,
  openCore,
  TRUST_DOMAIN,
  withCore,
} from "../fixture-core.test.ts";

const AGENT = "0190a000-0000-7000-8000-000000000001";

function issueLeaf(core: Core, purpose: "client" | "server", namespace = "default") {
  const { publicKey } = createKeyPair("p256");
  return core.authority.issueAgentLeaf({ namespace, agentId: AGENT, purpose, publicKey });
}

describe("openAuthority", () => {
  it("makes root, services and the default namespace's intermediate once, each audited", () =>
    withCore(async (core) => {
      assert.deepEqual(await actionsOf(core), [
        "authority.created",
        "authority.created",
        "audit.key-created",
        "namespace.created",
        "authority.created",
      ]);
      const rows = await core.store.read((db) =>
        db.selectFrom("authorities").select(["kind", "namespace"]).orderBy("kind").execute(),
      );
      assert.deepEqual(
        rows.map(({ kind, namespace }) => [kind, namespace]),
        [
          ["agents", "default"],
          ["root", ""],
          ["services", ""],
        ],
      );
    }));

  it("opens the same authority after a restart, with every namespace", () =>
    withTempFolder(async (folder) => {
      const first = await openCore(folder);
      await first.namespaces.create("plant", "operator:local");
      const known = first.authority.agentIntermediates().map((each) => each.fingerprint256);
      const leaf = issueLeaf(first, "client", "plant");
      const root = first.authority.root.fingerprint256;
      await first.close();
      const again = await openCore(folder);
      assert.equal(again.authority.root.fingerprint256, root);
      assert.deepEqual(
        again.authority.agentIntermediates().map((each) => each.fingerprint256),
        known,
      );
      const verdict = verifyChain({
        leaf: leaf.certificate,
        intermediates: [again.authority.agentIntermediate("plant")],
        roots: [again.authority.root],
        at: new Date(again.clock.now()),
        purpose: "client",
        expect: { spiffeId: leaf.name, kind: "agent" },
      });
      assert.ok(verdict.ok);
      await again.close();
    }));

  it("issues leaves that verify for their one purpose and carry names of central's record alone", () =>
    withCore(async (core) => {
      for (const purpose of ["client", "server"] as const) {
        const issued = issueLeaf(core, purpose);
        const other = purpose === "client" ? "server" : "client";
        const question = {
          leaf: issued.certificate,
          intermediates: [core.authority.agentIntermediate("default")],
          roots: [core.authority.root],
          at: new Date(core.clock.now()),
        };
        const verdict = verifyChain({ ...question, purpose });
        assert.ok(verdict.ok && verdict.spiffeId === issued.name);
        const wrong = verifyChain({ ...question, purpose: other });
        assert.equal(!wrong.ok && wrong.error.code, "pki.chain_wrong_purpose");
        assert.equal(
          issued.name,
          formatSpiffeId({
            kind: "agent",
            trustDomain: TRUST_DOMAIN,
            namespace: "default",
            agentId: AGENT,
          }),
        );
      }
    }));

  it("issues nothing for a namespace that is not there", () =>
    withCore(async (core) => {
      const refusal = await refusalOf(() => issueLeaf(core, "client", "plant"), "api.not_found");
      assert.match(refusal.message, /plant/);
    }));

  it("refuses a database whose root is gone", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      await core.store.write(async (trx) => {
        await trx.deleteFrom("certificates").execute();
        await trx.deleteFrom("authorities").where("kind", "=", "root").execute();
      });
      await core.close();
      const refusal = await refusalOf(openCore(folder), "store.damaged");
      assert.match(refusal.message, /root authority is missing/);
    }));

  it("refuses a database whose authority cannot be read, by its id", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      await core.store.write((trx) =>
        trx
          .updateTable("authorities")
          .set({ certificate_pem: "-----BEGIN CERTIFICATE-----\nAA==\n" })
          .where("kind", "=", "agents")
          .execute(),
      );
      await core.close();
      assert.match(
        (await refusalOf(openCore(folder), "store.damaged")).message,
        /authority [0-9a-f]/,
      );
    }));
});

describe("sealed columns", () => {
  it("A27, promise 6: the database holds no private key, no token secret and no hash of one", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      const token = await makeToken(core);
      await joinNew(core);
      const rows = await core.store.read((db) =>
        db.selectFrom("authorities").selectAll().execute(),
      );
      const keys = rows.map((row) =>
        core.vault.open(
          { table: "authorities", row: row.id, column: "sealed_key" },
          row.sealed_key,
        ),
      );
      const [instructor] = await core.store.read((db) =>
        db.selectFrom("instructors").selectAll().execute(),
      );
      assert.ok(instructor !== undefined);
      keys.push(
        core.vault.open(
          { table: "instructors", row: "1", column: "sealed_key" },
          instructor.sealed_key,
        ),
      );
      const sealedHash = await core.store.read((db) =>
        db
          .selectFrom("tokens")
          .select("sealed_secret_hash")
          .where("id", "=", token.tokenId)
          .executeTakeFirstOrThrow(),
      );
      const hash = core.vault.open(
        { table: "tokens", row: token.tokenId, column: "sealed_secret_hash" },
        sealedHash.sealed_secret_hash,
      );
      assert.equal(keys.length, 4);
      const secrets = [...keys.flatMap(formsOfKey), ...formsOf(token.secret), ...formsOf(hash)];
      await core.close();
      const files = readdirSync(folder).filter((name) => name !== "vault.key");
      const text = files.map((name) => readFileSync(join(folder, name), "latin1")).join("\n");
      assert.ok(text.includes(core.instructor.publicKeyPem.slice(30, 60)), "the file was read");
      for (const secret of secrets) assert.equal(text.includes(secret.toString("latin1")), false);
      assert.equal(text.includes("PRIVATE KEY"), false);
    }));

  it("a lost key file is a vault error of exit code 4, and nothing is changed", () =>
    withTempFolder(async (folder) => {
      await (await openCore(folder)).close();
      rmSync(join(folder, "vault.key"));
      const before = snapshotOf(folder);
      const refusal = await refusalOf(openCore(folder), "vault.source_absent");
      assert.equal(refusal.exitCode, 4);
      assert.deepEqual(snapshotOf(folder), before);
    }));

  it("a key file of another vault is refused likewise", () =>
    withTempFolder((one) =>
      withTempFolder(async (other) => {
        for (const folder of [one, other]) await (await openCore(folder)).close();
        rmSync(join(one, "vault.key"));
        copyFileSync(join(other, "vault.key"), join(one, "vault.key"));
        const before = snapshotOf(one);
        assert.equal((await refusalOf(openCore(one), "vault.open_failed")).exitCode, 4);
        assert.deepEqual(snapshotOf(one), before);
      }),
    ));

  it("a passphrase that appears beside the key file is not passed over", () =>
    withTempFolder(async (folder) => {
      await (await openCore(folder)).close();
      const refusal = await refusalOf(openCore(folder, { passphrase: "x" }), "vault.source_unused");
      assert.equal(refusal.exitCode, 4);
    }));

  it("F12: a sealed key that was moved to another row or changed by a bit is refused", async () => {
    for (const damage of ["moved", "flipped"] as const) {
      await withTempFolder(async (folder) => {
        const core = await openCore(folder);
        await core.store.write(async (trx) => {
          const rows = await trx.selectFrom("authorities").select(["id", "sealed_key"]).execute();
          const [first, second] = rows;
          assert.ok(first !== undefined && second !== undefined);
          const sealed = Buffer.from(damage === "moved" ? second.sealed_key : first.sealed_key);
          if (damage === "flipped") sealed[20] = (sealed[20] ?? 0) ^ 1;
          await trx
            .updateTable("authorities")
            .set({ sealed_key: sealed })
            .where("id", "=", first.id)
            .execute();
        });
        await core.close();
        await refusalOf(openCore(folder), "vault.field_damaged");
      });
    }
  });

  it("a lost vault header beside sealed keys never becomes a new vault", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      await core.store.write((trx) => trx.deleteFrom("vault_header").execute());
      await core.close();
      await refusalOf(openCore(folder), "vault.missing");
    }));
});

describe("namespaces", () => {
  it("are made whole: when the change fails, neither name, nor authority, nor audit entry stays", () =>
    withCore(async (core) => {
      const before = await actionsOf(core);
      const failure = new Error("no");
      const failing = { ...core.authority, addNamespace: () => Promise.reject(failure) };
      const { store, audit, clock } = core;
      const broken = await openNamespaces({ store, audit, now: clock.now, authority: failing });
      await assert.rejects(broken.create("plant", "operator:local"), failure);
      assert.deepEqual(
        (await core.namespaces.list()).map((each) => each.name),
        ["default"],
      );
      assert.deepEqual(await actionsOf(core), before);
      await refusalOf(() => core.authority.agentIntermediate("plant"), "api.not_found");
      assert.equal((await core.namespaces.create("plant", "operator:local")).agents, 0);
      assert.ok(core.authority.agentIntermediate("plant"));
    }));

  it("are not made twice, also when asked at once", () =>
    withCore(async (core) => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, () => core.namespaces.create("plant", "operator:local")),
      );
      assert.equal(outcomes.filter((each) => each.status === "fulfilled").length, 1);
      const refusal = await refusalOf(core.namespaces.create("plant", "x"), "api.conflict");
      assert.match(refusal.message, /'plant' exists already/);
    }));

  it("count their agents", () =>
    withCore(async (core) => {
      await core.namespaces.create("plant", "operator:local");
      await joinNew(core, { namespace: "plant" });
      await joinNew(core, { namespace: "plant", name: "web-2" });
      assert.equal((await core.namespaces.get("plant")).agents, 2);
      assert.equal((await core.namespaces.get("default")).agents, 0);
      await refusalOf(core.namespaces.get("nowhere"), "api.not_found");
    }));

  it("A6: an intermediate of one namespace cannot certify an agent of another", () =>
    withCore(async (core) => {
      await core.namespaces.create("plant", "operator:local");
      const issued = issueLeaf(core, "client", "plant");
      const verdict = verifyChain({
        leaf: issued.certificate,
        intermediates: [core.authority.agentIntermediate("default")],
        roots: [core.authority.root],
        at: new Date(core.clock.now()),
        purpose: "client",
      });
      assert.equal(verdict.ok, false);
    }));
});

describe("validity", () => {
  const lives = [
    { name: "a leaf's own life", agentLifetime: DAY_MS, later: 0, ends: "leaf" },
    { name: "the intermediate's", agentLifetime: 400 * DAY_MS, later: 0, ends: "issuer" },
    { name: "the intermediate's, late in it", agentLifetime: DAY_MS, later: 364.5, ends: "issuer" },
  ] as const;
  for (const { name, agentLifetime, later, ends } of lives) {
    it(`of a leaf ends with ${name}, and never lies outside its issuer's`, () =>
      withCore(
        async (core) => {
          core.clock.advance(later * DAY_MS);
          const issuer = core.authority.agentIntermediate("default");
          const { certificate } = issueLeaf(core, "client");
          assert.ok(certificate.validFromDate >= issuer.validFromDate);
          assert.ok(certificate.validToDate <= issuer.validToDate);
          const own = core.clock.now() + agentLifetime;
          const wanted = ends === "leaf" ? own : issuer.validToDate.getTime();
          assert.equal(certificate.validToDate.getTime(), wanted);
        },
        { lifetimes: { agentLifetime } },
      ));
  }

  it("nothing is issued by an intermediate that has expired", () =>
    withCore(async (core) => {
      core.clock.advance(366 * DAY_MS);
      await refusalOf(() => issueLeaf(core, "client"), "pki.issue_refused");
    }));

  it("a start with a clock that is behind still opens what was made", () =>
    withTempFolder(async (folder) => {
      await (await openCore(folder)).close();
      const clock = createFakeClock();
      clock.advance(-2 * DAY_MS);
      const core = await openCore(folder, { clock });
      await core.close();
    }));
});

/** A secret as it could stand in a file: raw, hex and base64 of both alphabets. */
function formsOf(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  const texts = (["hex", "base64", "base64url"] as const).map((form) =>
    // The end of base64 depends on what follows; the inner part does not.
    Buffer.from(bytes.toString(form).slice(0, -4)),
  );
  return [bytes, ...texts, Buffer.from(bytes.toString("hex").toUpperCase())];
}

/** A private key's PEM body by lines, its DER, and the secret number in it. */
function formsOfKey(pem: Buffer): Buffer[] {
  const key = createPrivateKey(pem);
  assert.equal(exportPrivateKey(key), pem.toString("utf8"));
  const { d = "" } = key.export({ format: "jwk" });
  // The secret number stands in the first two lines; the rest is the public key, which certificates hold too.
  const lines = pem.toString("utf8").split("\n").slice(1, 3);
  return [
    ...lines.filter((line) => !line.startsWith("-")).map((line) => Buffer.from(line)),
    key.export({ type: "pkcs8", format: "der" }),
    ...formsOf(Buffer.from(d, "base64url")),
  ];
}
