import { createKey, deleteKey, exportKey, installVersion, stepKey } from "./key-changes.ts";
import type {
  DeleteOrder,
  ExportedKey,
  KeyOrder,
  KeyStoreDeps,
  NewKeyVersion,
  StepOrder,
  VersionOrder,
} from "./key-orders.ts";
import { keyRow, unknownKey } from "./key-rows.ts";
import { type KeyPage, type KeyView, readKeyPage, readKeyViews } from "./key-views.ts";

/** The shared keys of central. Each change is one transaction with its audit entry; when it resolves, this process follows it. */
export interface KeyStore {
  /** @throws value.key_text, api.not_found for an unknown namespace, api.conflict for a name that is taken or an agent that cannot be */
  create(order: KeyOrder): Promise<NewKeyVersion>;
  list(): Promise<KeyView[]>;
  /** @throws api.not_found */
  namespaceOf(name: string): Promise<string>;
  /** @throws api.not_found */
  page(name: string): Promise<KeyPage>;
  /** @throws value.key_text, api.not_found, keys.not_possible */
  install(order: VersionOrder): Promise<NewKeyVersion>;
  /** @throws api.not_found, keys.not_possible, keys.still_used */
  step(order: StepOrder): Promise<KeyPage>;
  /** @throws api.not_found, keys.delete_unconfirmed where agents used it last and it is not forced */
  delete(order: DeleteOrder): Promise<void>;
  /** @throws api.not_found */
  export(name: string, actor: string): Promise<ExportedKey>;
}

/**
 * Opens the keys of a store.
 *
 * @param deps store, vault, trail, clock, the notebook of uses, and who follows a change
 */
export function createKeyStore(deps: KeyStoreDeps): KeyStore {
  const { store, uses, onChanged } = deps;
  const page = async (name: string): Promise<KeyPage> => {
    // What is noted and not written yet counts as well.
    await uses.flush();
    const found = await store.read((db) => readKeyPage(db, name));
    if (found === undefined) throw unknownKey(name);
    return found;
  };
  const followed = async <T>(change: Promise<T>): Promise<T> => {
    const result = await change;
    await onChanged();
    return result;
  };
  return {
    create: (order) => followed(createKey(deps, order)),
    list: async () => {
      await uses.flush();
      return store.read(readKeyViews);
    },
    namespaceOf: async (name) => (await store.read((db) => keyRow(db, name))).namespace,
    page,
    install: (order) => followed(installVersion(deps, order)),
    step: async (order) => {
      await uses.flush();
      await followed(stepKey(deps, order));
      return page(order.name);
    },
    delete: async (order) => {
      await uses.flush();
      await followed(deleteKey(deps, order));
    },
    export: (name, actor) => exportKey(deps, name, actor),
  };
}
