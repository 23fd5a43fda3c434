import type { KeyObject } from "node:crypto";
import {
  createKeyPair,
  exportPrivateKey,
  exportPublicKey,
  importPrivateKey,
  importPublicKey,
  keyId,
  signMessage,
} from "@tautline/pki";
import { encodeSignedInstruction, INSTRUCTION_CONTEXT } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { Store } from "../store/store.ts";

/** The key that signs instructions; apart from every certificate, pinned by agents when they join (DESIGN "Control"). */
export interface Instructor {
  readonly epoch: number;
  readonly publicKeyPem: string;
  /**
   * Signs an instruction.
   *
   * @param instruction its encoded bytes
   * @param subject what it is about, where no part of OpAMP carries it
   * @returns the signed envelope's bytes
   */
  sign(instruction: Uint8Array, subject?: Uint8Array): Uint8Array;
}

const FIRST_EPOCH = 1;

/**
 * Opens the instructor's key, making it on the first start.
 *
 * @throws vault.field_damaged, store.*
 */
export async function openInstructor(deps: {
  readonly store: Store;
  readonly vault: Vault;
  readonly now: () => number;
}): Promise<Instructor> {
  const { store, vault } = deps;
  const newest = () =>
    store.read((db) =>
      db.selectFrom("instructors").selectAll().orderBy("epoch", "desc").limit(1).executeTakeFirst(),
    );
  const row = (await newest()) ?? (await createInstructor(deps));
  const privateKey = importPrivateKey(
    vault.open(placeOf(row.epoch), row.sealed_key).toString("utf8"),
  );
  return makeInstructor(row.epoch, row.public_key_pem, privateKey);
}

function makeInstructor(epoch: number, publicKeyPem: string, privateKey: KeyObject): Instructor {
  const id = keyId(importPublicKey(publicKeyPem));
  return {
    epoch,
    publicKeyPem,
    sign: (instruction, subject) => {
      const signature = signMessage(privateKey, INSTRUCTION_CONTEXT, instruction);
      const signed = { instruction, signature, keyId: id };
      return encodeSignedInstruction(subject === undefined ? signed : { ...signed, subject });
    },
  };
}

async function createInstructor({ store, vault, now }: Parameters<typeof openInstructor>[0]) {
  const { privateKey, publicKey } = createKeyPair("ed25519");
  const row = {
    epoch: FIRST_EPOCH,
    public_key_pem: exportPublicKey(publicKey),
    sealed_key: vault.seal(placeOf(FIRST_EPOCH), Buffer.from(exportPrivateKey(privateKey))),
    created_at: now(),
  };
  await store.write((trx) => trx.insertInto("instructors").values(row).execute());
  return row;
}

function placeOf(epoch: number) {
  return { table: "instructors", row: String(epoch), column: "sealed_key" };
}
