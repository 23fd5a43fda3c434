import type { Duplex } from "node:stream";
import { type OperatorRole, TautlineError } from "@tautline/protocol";
import { z } from "zod";
import { decideAccess, decideCall, type Demand, type Reach } from "../operators/access-rule.ts";
import type { Principal } from "../operators/principal.ts";

/** What a request says, read by the verb's schemas. */
export interface VerbInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/** The parts of a request, before a verb takes them for what its schemas made of them. */
export type RawInput = VerbInput<unknown, unknown, unknown>;

/** What a verb is, without how it is done: enough to mount it, to list it, and to describe it. */
export interface VerbFacts extends Demand {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the server's root; parts that vary are written `:name`. */
  readonly path: string;
  /** One sentence for people, without a full stop. */
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** What a success answers with; undefined: nothing (204). */
  readonly answer?: z.ZodType;
  readonly status: 101 | 200 | 201 | 204;
  /** The protocol that the connection goes over to; `run` then gives a `TakeUpgrade`. */
  readonly upgrade?: string;
  /** Of an answer that is streamed, one JSON document a line; `answer` describes a line. */
  readonly media?: "application/x-ndjson";
}

/** A connection that goes over to another protocol. */
export interface UpgradedCall {
  readonly socket: Duplex;
  /** What came behind the request already. */
  readonly head: Uint8Array;
  /** Address of the caller, without a port; "local" over the admin socket. */
  readonly from: string;
}

/** Begins the other protocol; gives what ends it with a reason. */
export type TakeUpgrade = (call: UpgradedCall) => (reason: TautlineError) => void;

/** One verb of the API, with its permission built in: there is no way to run it past the rule. */
export interface Verb extends VerbFacts {
  /** @throws api.forbidden; called before anything of the request's body is read */
  requireCall(who: Principal): void;
  /** @throws api.forbidden, and exactly the verb's own refusals */
  run(input: RawInput, who: Principal): Promise<unknown>;
}

interface Described<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject> {
  readonly method: VerbFacts["method"];
  readonly path: string;
  readonly summary: string;
  readonly role: OperatorRole;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
}

type InputOf<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject> = VerbInput<
  z.output<P>,
  z.output<Q>,
  z.output<B>
>;

type Later<T> = T | Promise<T>;

/** How a verb is done, by what it touches. */
type Work<Input> =
  | {
      readonly reach: "nothing" | "central";
      readonly run: (input: Input, who: Principal) => Later<unknown>;
    }
  | {
      readonly reach: "object";
      /** Where the object belongs; throws `missing` where there is none. */
      readonly namespaceOf: (input: Input) => Later<string>;
      /** What is said where there is no such object; also to those who may not know of it. */
      readonly missing: (input: Input) => TautlineError;
      readonly run: (input: Input, who: Principal) => Later<unknown>;
    }
  | {
      readonly reach: "place";
      /** The namespace that the request names; empty for every one. */
      readonly namespaceOf: (input: Input) => string;
      readonly run: (input: Input, who: Principal) => Later<unknown>;
    };

type Done = {
  readonly answer?: z.ZodType;
  readonly status?: 200 | 201;
  readonly media?: VerbFacts["media"];
};

/**
 * Makes a verb that touches one thing, or central itself.
 *
 * @param verb its facts, its schemas, and how it is done
 */
export function defineVerb<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject>(
  verb: Described<P, Q, B> & Work<InputOf<P, Q, B>> & Done,
): Verb {
  const { answer, status = answer === undefined ? 204 : 200 } = verb;
  return {
    ...factsOf(verb, verb.reach),
    ...(answer === undefined ? {} : { answer }),
    ...(verb.media && { media: verb.media }),
    status,
    requireCall: (who) => requireCall(who, verb),
    run: async (raw, who) => {
      // The mount has read each part by the verb's own schema.
      const input = raw as InputOf<P, Q, B>;
      requireCall(who, verb);
      await requireAccess(verb, input, who);
      return verb.run(input, who);
    },
  };
}

/**
 * Makes a verb whose connection goes over to another protocol once it was let in; asked for in plain HTTP it is judged all the same.
 *
 * @param verb its facts, its schema, and who takes the connection
 */
export function defineUpgrade<P extends z.ZodObject>(
  verb: Omit<Described<P, z.ZodObject, z.ZodObject>, "method" | "query" | "body"> &
    Extract<Work<InputOf<P, z.ZodObject, z.ZodObject>>, { reach: "object" }> & {
      readonly upgrade: string;
      readonly run: (input: { readonly params: z.output<P> }, who: Principal) => Later<TakeUpgrade>;
    },
): Verb {
  return { ...defineVerb({ ...verb, method: "GET" }), upgrade: verb.upgrade, status: 101 };
}

/**
 * Makes a verb that lists things; of them each caller sees those of its namespace.
 *
 * @param verb its facts, the schema of one row, where a row belongs, and the rows
 */
export function defineList<Q extends z.ZodObject, Row>(
  verb: Omit<Described<z.ZodObject, Q, z.ZodObject>, "method" | "params" | "body"> & {
    /** Describes one row. */
    readonly row: z.ZodType;
    /** Empty for what belongs to no namespace or to every one. */
    readonly namespaceOf: (row: Row) => string;
    /** The one namespace that the query asks for, if it does; one that is not there is a mistake, not an empty list. */
    readonly asked?: (query: z.output<Q>) => string | undefined;
    /** The caller is given for lists that are cut: of them each caller has to get its own part whole. */
    readonly rows: (query: z.output<Q>, who: Principal) => Later<readonly Row[]>;
  },
): Verb {
  const demand: Demand = { role: verb.role, reach: "list" };
  return {
    ...factsOf({ ...verb, method: "GET" }, "list"),
    answer: z.strictObject({ items: z.array(verb.row) }),
    status: 200,
    requireCall: (who) => requireCall(who, { ...verb, ...demand }),
    run: async (raw, who) => {
      requireCall(who, { ...verb, ...demand });
      const query = raw.query as z.output<Q>;
      const asked = verb.asked?.(query);
      if (asked !== undefined && decideAccess(who, demand, asked) !== "allow") {
        throw notFound("namespace", asked);
      }
      const rows = await verb.rows(query, who);
      const items = rows.filter(
        (row) => decideAccess(who, demand, verb.namespaceOf(row)) === "allow",
      );
      return { items };
    },
  };
}

function factsOf(
  {
    method,
    path,
    summary,
    role,
    params,
    query,
    body,
  }: Described<z.ZodObject, z.ZodObject, z.ZodObject>,
  reach: Reach,
): Omit<VerbFacts, "status"> {
  return {
    method,
    path,
    summary,
    role,
    reach,
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
  };
}

/**
 * Refuses a caller that may not call a verb at all.
 *
 * @param who the caller
 * @param demand the verb
 * @throws api.forbidden
 */
export function requireCall(who: Principal, demand: Demand): void {
  if (decideCall(who, demand) === "forbidden") {
    throw forbidden(who, demand, demand.reach === "central");
  }
}

async function requireAccess<Input>(
  work: Work<Input> & Pick<Demand, "role">,
  input: Input,
  who: Principal,
): Promise<void> {
  // Whoever is for every namespace need not be asked where a thing belongs.
  if (who.namespace === "" || !("namespaceOf" in work)) return;
  const namespace = await work.namespaceOf(input);
  const decision = decideAccess(who, work, namespace);
  if (decision === "allow") return;
  if (decision === "forbidden") throw forbidden(who, work, true);
  throw work.reach === "object" ? work.missing(input) : notFound("namespace", namespace);
}

/** In one place of its own namespace somebody with the role may do it. */
function forbidden(
  { name }: Principal,
  { role }: Pick<Demand, "role">,
  isWide: boolean,
): TautlineError {
  const detail = { name, role, reach: isWide ? " for every namespace" : "" };
  return new TautlineError("api.forbidden", { detail });
}

const NOUNS = {
  agent: "agents",
  authority: "certs",
  certificate: "certs",
  key: "keys",
  link: "links",
  namespace: "namespaces",
  operator: "operators",
  token: "tokens",
} as const;

/**
 * Says that there is no such thing, in the words that are used wherever there is none.
 *
 * @param thing what kind
 * @param id as the caller wrote it
 */
export function notFound(thing: keyof typeof NOUNS, id: string): TautlineError {
  return new TautlineError("api.not_found", { detail: { thing, id, noun: NOUNS[thing] } });
}
