import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { HANDSHAKE_MESSAGE_BYTES } from "../noise/nnpsk0.ts";
import { type BasicRefusal, MAX_REFUSAL_BYTES, readBasicRefusal } from "./basic-refusal.ts";
import { frameLength } from "./frame-reader.ts";
import { encodePreface } from "./preface.ts";

/** What an end without a key can learn of the level `basic` at another end. */
export type BasicProbe =
  /** It will not have the level, and says why. */
  | { readonly kind: "refused"; readonly refusal: BasicRefusal }
  /** It waited for the handshake behind the preface, and closed without a byte when no key was proven: the level is there. */
  | { readonly kind: "there" }
  /** It closed at a preface, or answered something else: it does not know the level. */
  | { readonly kind: "unknown-to-it"; readonly how: "closed" | "answered" }
  | { readonly kind: "silence" };

/** How long to wait. */
export interface BasicProbeOptions {
  /** How long an end that does not know the preface has to close: one that knows it waits for more. */
  readonly patienceMs: number;
  /** For the answer to the handshake, behind that. */
  readonly timeoutMs: number;
}

/**
 * Finds out without a key whether another end has the level `basic`. For diagnosis only: it names a key that is none and proves nothing.
 *
 * @param socket connected, half-open allowed, nothing sent yet; destroyed in any case
 * @param options how long to wait
 */
export function probeBasic(
  socket: Socket,
  { patienceMs, timeoutMs }: BasicProbeOptions,
): Promise<BasicProbe> {
  return new Promise((resolve) => {
    let held = Buffer.alloc(0);
    let isThrough = false;
    const finish = (probe: BasicProbe): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(probe);
    };
    const closed = (): void =>
      finish(isThrough ? { kind: "there" } : { kind: "unknown-to-it", how: "closed" });
    let timer = setTimeout(() => {
      isThrough = true;
      socket.write(Buffer.concat([frameLength(HANDSHAKE_MESSAGE_BYTES), noProof()]));
      timer = setTimeout(() => finish({ kind: "silence" }), timeoutMs);
    }, patienceMs);
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const reading = readBasicRefusal(held);
      if (reading.kind === "refusal") finish({ kind: "refused", refusal: reading.refusal });
      else if (reading.kind === "none" || held.length > 2 * MAX_REFUSAL_BYTES) {
        finish({ kind: "unknown-to-it", how: "answered" });
      }
    });
    socket.on("end", closed).on("close", closed).on("error", closed);
    socket.write(encodePreface({ key: { name: `doctor-${randomBytes(8).toString("hex")}` } }));
  });
}

/** What no key makes: a listener finds it to be the wrong one. */
function noProof(): Buffer {
  return randomBytes(HANDSHAKE_MESSAGE_BYTES);
}
