import { rowsOf, textOf, type Row } from "../row.ts";
import type { Finding } from "./finding.ts";

/**
 * Names what is accepted without protection: a port that speaks plaintext, and shared keys that can be guessed.
 *
 * @param listeners as central lists them
 * @param keys as central lists them
 */
export function examineLinks(listeners: readonly Row[], keys: readonly Row[]): readonly Finding[] {
  return [
    ...listeners.filter(({ name }) => name === "plaintext").flatMap(examinePlaintext),
    ...keys.flatMap(examineKey),
  ];
}

function examinePlaintext(listener: Row): readonly Finding[] {
  const { addresses, reopened, bind } = listener;
  // It listens for everybody to say where to join; nobody is accepted for that, and it is a finding of its own.
  if (reopened === true && bind !== "public") return [];
  const open = Array.isArray(addresses) ? addresses.map(String).filter(isReached) : [];
  if (open.length === 0) return [];
  const links = Number(listener["links"]);
  return [
    {
      severity: "warning",
      what: `Plaintext is accepted from other hosts; live links without protection: ${links}`,
      where: open.join(", "),
      why: "Whoever is on the way reads and changes what these agents say, and nobody is proven.",
      remedy:
        "'tautline links history --level plaintext' names who still needs it. Give them a shared key ('tautline keys create') or let them join, " +
        "then 'tautline listeners set plaintext --bind off'.",
    },
  ];
}

/** Nobody listens in on the way inside one host. */
function isReached(address: string): boolean {
  return !/^(?:127\.|\[::1\])/.test(address);
}

function examineKey(key: Row): readonly Finding[] {
  const name = textOf(key, "name");
  return rowsOf(key, "versions").flatMap((version): readonly Finding[] => {
    const weakness = textOf(version, "weakness");
    if (weakness === "") return [];
    return [
      {
        severity: "warning",
        what: `A shared key is weak: ${weakness}`,
        where: `key ${name}, version ${textOf(version, "version")}, namespace ${textOf(key, "namespace")}`,
        why: "Whoever records one link with it can guess at its text, and then reads and pretends to be either end.",
        remedy: `Go over to a text that central makes: 'tautline keys rotate ${name}', give it to the hosts, then '--use' and '--remove'.`,
      },
    ];
  });
}
