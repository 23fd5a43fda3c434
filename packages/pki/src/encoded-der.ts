import { type IAsnConvertible, OctetString } from "@peculiar/asn1-schema";

/** What the encoder asks of a node: to write itself. */
interface EncodableNode {
  toBER(sizeOnly?: boolean, writer?: { write(bytes: ArrayBuffer): void }): ArrayBuffer;
}

type LibraryNode = ReturnType<OctetString["toASN"]>;
type LibrarySchema = ReturnType<OctetString["toSchema"]>;

/**
 * A value that is in DER already and goes into a larger one as it is. An authority's name, the algorithm and the fixed extensions
 * are the same in all its certificates: encoding them once makes issuing three times as fast (bench/certificates.ts).
 * For encoding only.
 */
export class EncodedDer implements IAsnConvertible<LibraryNode> {
  readonly #node: EncodableNode;

  /** @param der one whole DER value */
  constructor(der: ArrayBuffer = new ArrayBuffer(0)) {
    this.#node = {
      toBER: (_sizeOnly, writer) => {
        writer?.write(der);
        return der;
      },
    };
  }

  toASN(): LibraryNode {
    return this.#node as LibraryNode;
  }

  fromASN(): this {
    return this;
  }

  /** The library asks every property for its form, though it never decodes these. */
  toSchema(name: string): LibrarySchema {
    return new OctetString().toSchema(name);
  }
}
