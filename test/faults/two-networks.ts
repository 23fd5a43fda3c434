/* Equipment: a network namespace of its own, joined to this host by one cable that can swallow everything. */
import { spawnSync } from "node:child_process";

/** A host that is reached over one cable. */
export interface OtherHost extends Disposable {
  /** Its address, as this host dials it. */
  readonly address: string;
  /** This host's own, as the other one dials it. */
  readonly here: string;
  /** What runs a command there. */
  readonly words: readonly [string, ...string[]];
  /** Swallows everything from now on, both ways; no end of a connection is told. */
  readonly cut: () => void;
  /** Carries everything again. */
  readonly mend: () => void;
}

let made = 0;

const NOBODY = "02:00:00:00:00:01";

/**
 * Makes the other host; needs root.
 *
 * @returns the host, or why there can be none here
 */
export function makeOtherHost(): OtherHost | string {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  made += 1;
  const id = `${process.pid % 100_000}-${made}`;
  const [name, near, far] = [`taut${id}`, `tautn${id}`, `tautf${id}`];
  const subnet = `10.${231 + made}.${process.pid % 250}`;
  const [here, there] = [`${subnet}.1`, `${subnet}.2`];
  const remove = (): void => void ip("netns", "del", name);
  const steps: string[][] = [
    ["netns", "add", name],
    ["link", "add", near, "type", "veth", "peer", "name", far, "netns", name],
    ["addr", "add", `${here}/30`, "dev", near],
    ["link", "set", near, "up"],
    ["-n", name, "addr", "add", `${there}/30`, "dev", far],
    ["-n", name, "link", "set", far, "up"],
    ["-n", name, "link", "set", "lo", "up"],
  ];
  for (const step of steps) {
    const problem = ip(...step);
    if (problem === undefined) continue;
    remove();
    return `no network namespace can be made: ${problem}`;
  }
  const both = (words: (to: string) => readonly string[]): void => {
    const problems = [
      ip("neigh", ...words(there), "dev", near),
      ip("-n", name, "neigh", ...words(here), "dev", far),
    ].filter((problem) => problem !== undefined);
    if (problems.length > 0) throw new Error(problems.join("; "));
  };
  return {
    address: there,
    here,
    words: ["ip", "netns", "exec", name],
    // What goes to a hardware address that nobody has is taken by nobody.
    cut: () => both((to) => ["replace", to, "lladdr", NOBODY, "nud", "permanent"]),
    mend: () => both((to) => ["del", to]),
    [Symbol.dispose]: remove,
  };
}

function ip(...args: string[]): string | undefined {
  const { error, status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : stderr.trim();
}
