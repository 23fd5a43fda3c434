import { X509Certificate } from "node:crypto";
import { spkiPin } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import type { Store } from "../store/store.ts";
import { kindOf } from "./authority-store.ts";
import { certificateView, type CertificateView } from "./certificate-store.ts";

/** An authority as lists show it. */
export interface AuthorityView {
  readonly id: string;
  readonly kind: string;
  readonly namespace: string;
  readonly notAfter: string;
  /** When the next one took its place; null for those that certify now. */
  readonly retiredAt: string | null;
}

/** A root as other programs trust it. */
export interface RootView {
  readonly pem: string;
  /** SHA-256 of its SPKI, lower-case hex. */
  readonly pin: string;
  readonly notAfter: string;
}

/** The record of every certificate and authority, for people. */
export interface CertificateCatalogue {
  list(): Promise<CertificateView[]>;
  /** @throws api.not_found */
  get(serial: string): Promise<CertificateView & { readonly pem: string }>;
  authorities(): Promise<AuthorityView[]>;
  /** The roots in use, for whoever has to know what central certifies. */
  roots(): Promise<RootView[]>;
}

/** Opens the catalogue of a store. */
export function createCertificateCatalogue(store: Store): CertificateCatalogue {
  return {
    list: async () => {
      const rows = await store.read((db) =>
        db.selectFrom("certificates").selectAll().orderBy("not_after").orderBy("serial").execute(),
      );
      return rows.map((row) => certificateView(row));
    },
    get: async (serial) => {
      const row = await store.read((db) =>
        db.selectFrom("certificates").selectAll().where("serial", "=", serial).executeTakeFirst(),
      );
      if (row !== undefined) return { ...certificateView(row), pem: row.pem };
      throw new TautlineError("api.not_found", {
        detail: { thing: "certificate", id: serial, noun: "certs" },
      });
    },
    roots: async () => {
      const rows = await store.read((db) =>
        db
          .selectFrom("authorities")
          .select(["certificate_pem", "not_after"])
          .where("kind", "=", "root")
          .orderBy("not_after", "desc")
          .execute(),
      );
      return rows.map((row) => ({
        pem: row.certificate_pem,
        pin: spkiPin(new X509Certificate(row.certificate_pem)).toString("hex"),
        notAfter: new Date(row.not_after).toISOString(),
      }));
    },
    authorities: async () => {
      const rows = await store.read((db) =>
        db
          .selectFrom("authorities")
          .select(["id", "kind", "namespace", "not_after", "retired_kind", "retired_at"])
          .orderBy("not_after", "desc")
          .execute(),
      );
      return rows.map((row) => ({
        id: row.id,
        kind: kindOf(store.file, row),
        namespace: row.namespace,
        notAfter: new Date(row.not_after).toISOString(),
        retiredAt: row.retired_at === null ? null : new Date(row.retired_at).toISOString(),
      }));
    },
  };
}
