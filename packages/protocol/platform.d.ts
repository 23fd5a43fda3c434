/**
 * The only globals beside ECMAScript that this package may use; everything else of Node or a browser is a compile error here.
 * WHATWG Encoding standard, as far as it is used.
 */
declare var TextEncoder: {
  new (): { encode(text: string): Uint8Array };
};

declare var TextDecoder: {
  new (
    label: "utf-8",
    options: { fatal: true; ignoreBOM: true },
  ): { decode(bytes: Uint8Array): string };
};
