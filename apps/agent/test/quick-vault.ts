import { openVault, type Vault } from "@tautline/vault";

/** An open vault with a key of its own, kept nowhere: for tests of what is sealed, not of the vault. */
export function openQuickVault(): Promise<Vault> {
  let header: string | undefined;
  const store = {
    load: () => header,
    save: (text: string) => {
      header = text;
    },
  };
  const source = {
    kind: "key-file" as const,
    strength: "weak" as const,
    where: "the test",
    read: () => Buffer.alloc(32, 5),
  };
  return openVault({ sources: [source], store, mayCreate: true });
}
