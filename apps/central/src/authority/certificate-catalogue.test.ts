import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { serialOf, spkiPin } from "@tautline/pki";
import { refusalOf } from "../fixture-checks.test.ts";
import { joinNew, withCore } from "../fixture-core.test.ts";
import { createCertificateCatalogue } from "./certificate-catalogue.ts";
import { certificateRow, certificatesOf } from "./certificate-store.ts";

describe("CertificateCatalogue", () => {
  it("lists what was issued, whose it is and until when, with what was revoked", () =>
    withCore(async (core) => {
      const catalogue = createCertificateCatalogue(core.store);
      const { id, enrolled } = await joinNew(core);
      await core.agents.revoke(id, "operator:local");
      const rows = await catalogue.list();
      assert.deepEqual(rows.map(({ purpose }) => purpose).toSorted(), ["client", "server"]);
      for (const row of rows) {
        assert.equal(row.agent, id);
        assert.equal(row.revokedAt, new Date(core.clock.now()).toISOString());
      }
      const { pem, ...view } = await catalogue.get(serialOf(enrolled.clientCertificate));
      const certificate = new X509Certificate(pem);
      assert.equal(certificate.fingerprint256, enrolled.clientCertificate.fingerprint256);
      assert.equal(view.notAfter, certificate.validToDate.toISOString());
      assert.equal(certificate.subjectAltName, `URI:${view.name}`);
      await refusalOf(catalogue.get("00"), "api.not_found");
    }));

  it("lists authorities, the longest-lived first", () =>
    withCore(async (core) => {
      await core.namespaces.create("plant", "operator:local");
      const rows = await createCertificateCatalogue(core.store).authorities();
      assert.deepEqual(
        rows.map(({ kind, namespace }) => `${kind} ${namespace}`.trim()).toSorted(),
        ["agents default", "agents plant", "root", "services"],
      );
      assert.equal(rows[0]?.kind, "root");
    }));
});

describe("certificatesOf", () => {
  it("gives the newest of each purpose", () =>
    withCore(async (core) => {
      const { id, client } = await joinNew(core);
      core.clock.advance(60_000);
      const next = core.authority.issueAgentLeaf({
        namespace: "default",
        agentId: id,
        purpose: "client",
        publicKey: client.publicKey,
      });
      await core.store.write((trx) =>
        trx.insertInto("certificates").values(certificateRow(next)).execute(),
      );
      const found = await core.store.read((db) => certificatesOf(db, id));
      assert.equal(found.client.fingerprint256, next.certificate.fingerprint256);
    }));

  it("says that the database is damaged where one is missing, which no transaction leaves behind", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      await core.store.write((trx) =>
        trx.deleteFrom("certificates").where("purpose", "=", "server").execute(),
      );
      const work = core.store.read((db) => certificatesOf(db, id));
      assert.match((await refusalOf(work, "store.damaged")).message, /no server certificate/);
    }));
});

describe("certificateRow", () => {
  it("takes serial, pin and times from the certificate itself", () =>
    withCore(async (core) => {
      const { id, enrolled } = await joinNew(core);
      const certificate = enrolled.serverCertificate;
      const row = certificateRow({
        certificate,
        issuerId: "issuer",
        agentId: id,
        purpose: "server",
        name: "spiffe://x",
      });
      assert.equal(row.serial, serialOf(certificate));
      assert.equal(row.pin, spkiPin(certificate).toString("hex"));
      assert.deepEqual(
        [row.not_before, row.not_after, row.revoked_at],
        [certificate.validFromDate.getTime(), certificate.validToDate.getTime(), null],
      );
    }));
});
