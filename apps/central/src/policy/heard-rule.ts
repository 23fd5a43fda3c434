import { LEVELS, type Level, type LinkPolicy } from "@tautline/protocol";
import {
  type ListenerBind,
  type ListenerChange,
  type ListenerSettings,
  SECURE_LEVELS,
  type SecureLevel,
} from "../listeners/listener-settings.ts";
import type { AgentsPortName } from "../listeners/secured-connection.ts";

/** What central's ports listen to, without their numbers. */
export interface Heard {
  readonly secure: readonly SecureLevel[];
  readonly plaintext: ListenerBind;
  /** Plaintext is spoken on the secure port. */
  readonly isShared: boolean;
}

/** Listened to whatever policies say: who joins, renews or is rescued comes here. */
const ALWAYS: ReadonlySet<SecureLevel> = new Set(["tls", "mtls"]);

/**
 * What listener settings listen to.
 *
 * @param settings of both ports
 */
export function heardOf({ agents, plaintext, isShared }: ListenerSettings): Heard {
  return { secure: agents.levels, plaintext: plaintext.bind, isShared };
}

/**
 * What shall be listened to before a policy is set. Pure.
 *
 * @param now what is
 * @param accept levels of the policy
 */
export function openedFor(now: Heard, accept: readonly Level[]): Heard {
  const isPlain = accept.includes("plaintext") && !now.isShared;
  return {
    secure: SECURE_LEVELS.filter((level) => now.secure.includes(level) || accept.includes(level)),
    plaintext: isPlain ? "public" : now.plaintext,
    isShared: now.isShared,
  };
}

/**
 * What shall be listened to when policies need less: nothing is opened, and plaintext stays for this host (QM-13) unless told. A shared port goes on
 * hearing plaintext for it: there is one port for all hosts, and the policy refuses the others.
 *
 * @param now what is
 * @param needed levels that some policy or exception still needs
 * @param loopback whether any policy keeps plaintext from this host
 */
export function closedTo(
  now: Heard,
  needed: readonly Level[],
  loopback: LinkPolicy["loopback"],
): Heard {
  if (needed.includes("plaintext")) return { ...now, secure: secureOf(now, needed) };
  const isOff = loopback === "off";
  const kept = now.plaintext === "off" ? "off" : "loopback";
  return {
    secure: secureOf(now, needed),
    plaintext: isOff ? "off" : kept,
    isShared: now.isShared && !isOff,
  };
}

function secureOf({ secure }: Heard, needed: readonly Level[]): readonly SecureLevel[] {
  const kept = secure.filter((level) => ALWAYS.has(level) || needed.includes(level));
  // A port without a level cannot be.
  return kept.length === 0 ? secure : kept;
}

/**
 * What shall be listened to when a change is undone: what it closed is open again, and what it opened below tls is closed again. What somebody else set
 * meanwhile stays as it is. Pure.
 *
 * @param now what is
 * @param before the change
 * @param after it had closed what it closes
 */
export function restoredTo(now: Heard, before: Heard, after: Heard): Heard {
  const secure = SECURE_LEVELS.filter((level) => {
    const [is, was, became] = [now, before, after].map((each) => each.secure.includes(level));
    if (was === became || is !== became) return is;
    return was === true || ALWAYS.has(level);
  });
  const isOurs = now.plaintext === after.plaintext && now.isShared === after.isShared;
  const { plaintext, isShared } = isOurs ? before : now;
  return { secure: secure.length === 0 ? now.secure : secure, plaintext, isShared };
}

/**
 * Both what is listened to and what shall be: the new opens before the old closes (QMP-3).
 *
 * @param now what is
 * @param then what shall be
 */
export function bothOf(now: Heard, then: Heard): Heard {
  return {
    secure: SECURE_LEVELS.filter((each) => now.secure.includes(each) || then.secure.includes(each)),
    plaintext: wider(now.plaintext, then.plaintext),
    isShared: now.isShared || then.isShared,
  };
}

const WIDTH: readonly ListenerBind[] = ["off", "loopback", "public"];

function wider(one: ListenerBind, other: ListenerBind): ListenerBind {
  return WIDTH.indexOf(one) > WIDTH.indexOf(other) ? one : other;
}

/** One change of one listener. */
export interface HeardStep {
  readonly name: AgentsPortName;
  readonly change: ListenerChange;
}

/**
 * The changes of listeners that lead from one to the other; empty where nothing is to do. Pure.
 *
 * @param now what is
 * @param then what shall be
 */
export function stepsTo(now: Heard, then: Heard): readonly HeardStep[] {
  const steps: HeardStep[] = [];
  if (then.isShared && !now.isShared) steps.push({ name: "plaintext", change: { shared: true } });
  if (then.secure.join() !== now.secure.join()) {
    const levels = LEVELS.filter((each) =>
      each === "plaintext" ? then.isShared || now.isShared : then.secure.includes(each),
    );
    steps.push({ name: "agents", change: { levels } });
  }
  const isMoved = now.isShared || then.plaintext !== now.plaintext;
  if (!then.isShared && isMoved) {
    steps.push({ name: "plaintext", change: { bind: then.plaintext } });
  }
  return steps;
}
