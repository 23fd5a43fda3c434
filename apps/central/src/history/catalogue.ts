import { type Level, LINK_KINDS, type LinkKind, TautlineError } from "@tautline/protocol";
import type { HistoryProfileTable } from "../store/history-tables.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import { coarseProfile, type EvidenceProfile, profileText } from "./evidence-profile.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { OTHER, type Place } from "./place.ts";

/** A place in small numbers, as rows hold it. */
export interface PlaceKey {
  readonly kind: number;
  readonly component: number;
  readonly profile: number;
  /** 0 for links that were taken. */
  readonly code: number;
}

/** The numbers of profiles, components and reasons; every central on the database gives them the same. */
export interface Catalogue {
  /** Gives numbers to what has none yet; beyond the bounds a place shares those of `other`. */
  learn(places: readonly Place[]): Promise<void>;
  /** The numbers of a place that was learned. */
  keyOf(place: Place): PlaceKey;
  /**
   * The places of numbers that were read, in their order; looks again where another central has given new ones.
   *
   * @throws store.damaged for numbers that nobody gave
   */
  placesOf(keys: readonly PlaceKey[]): Promise<readonly Place[]>;
}

/** Numbers in rows: never to be changed. */
const KIND_NUMBERS: Readonly<Record<LinkKind, number>> = {
  control: 1,
  pull: 2,
  forward: 3,
  peer: 4,
  receiver: 5,
};

interface Known {
  readonly profiles: Map<string, number>;
  readonly profilesById: Map<number, EvidenceProfile>;
  readonly names: Map<string, number>;
  readonly namesById: Map<number, string>;
  readonly places: Map<number, Place>;
  readonly components: number;
}

type Sort = "component" | "code";

/**
 * Opens the numbers of the history; nothing is read before they are asked for.
 *
 * @param store central's database
 */
export function createCatalogue(store: Store): Catalogue {
  let known: Known | undefined;
  const look = async (): Promise<Known> => (known = await store.read((db) => readKnown(db)));
  return {
    learn: async (places) => {
      const before = known ?? (await look());
      const news = newsIn(before, places);
      if (news.profiles.size + news.names.size === 0) return;
      await store.write((trx) => insertNews(trx, news));
      // Read again, not noted: a commit that failed has given no numbers.
      await look();
    },
    keyOf: (place) => {
      if (known === undefined) throw new Error("the place was not learned");
      return keyIn(known, place);
    },
    placesOf: async (keys) => {
      const first = known ?? (await look());
      const places = keys.map((key) => placeIn(first, key));
      if (places.every((place) => place !== undefined)) return places;
      const second = await look();
      return keys.map((key) => placeIn(second, key) ?? refuseUnknown(store, key));
    },
  };
}

function nameKey(sort: Sort, name: string): string {
  return `${sort} ${name}`;
}

interface News {
  readonly profiles: Map<string, EvidenceProfile>;
  readonly names: Map<string, { readonly sort: Sort; readonly name: string }>;
}

function newsIn(known: Known, places: readonly Place[]): News {
  const news: News = { profiles: new Map(), names: new Map() };
  let { components } = known;
  const addName = (sort: Sort, name: string): void => {
    const key = nameKey(sort, name);
    if (known.names.has(key) || news.names.has(key)) return;
    if (sort === "component") {
      if (components >= HISTORY_LIMITS.components && name !== OTHER) return;
      components += 1;
    }
    news.names.set(key, { sort, name });
  };
  const addProfile = (profile: EvidenceProfile, isCoarse: boolean): void => {
    const text = profileText(profile);
    if (known.profiles.has(text) || news.profiles.has(text)) return;
    const count = known.profiles.size + news.profiles.size;
    if (isCoarse || count < HISTORY_LIMITS.profiles) news.profiles.set(text, profile);
  };
  addName("component", OTHER);
  addName("code", OTHER);
  for (const { component, profile, code } of places) {
    addName("component", component);
    if (code !== "") addName("code", code);
    addProfile(coarseProfile(profile.level), true);
    addProfile(profile, false);
  }
  return news;
}

async function insertNews(trx: Writer, { profiles, names }: News): Promise<void> {
  for (const row of names.values()) {
    await trx
      .insertInto("history_names")
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  for (const profile of profiles.values()) {
    await trx
      .insertInto("history_profiles")
      .values(rowOf(profile))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

async function readKnown(db: Reader): Promise<Known> {
  const profiles = await db.selectFrom("history_profiles").selectAll().execute();
  const names = await db.selectFrom("history_names").selectAll().execute();
  const read = profiles.map((row) => [row.id, profileIn(row)] as const);
  return {
    profiles: new Map(read.map(([id, profile]) => [profileText(profile), id])),
    profilesById: new Map(read),
    names: new Map(names.map(({ id, sort, name }) => [nameKey(sort, name), id])),
    namesById: new Map(names.map(({ id, name }) => [id, name])),
    places: new Map(),
    components: names.filter(({ sort }) => sort === "component").length,
  };
}

function keyIn(known: Known, { kind, component, profile, code }: Place): PlaceKey {
  const { names, profiles } = known;
  const nameId = (sort: Sort, name: string): number =>
    names.get(nameKey(sort, name)) ?? names.get(nameKey(sort, OTHER)) ?? 0;
  const profileId =
    profiles.get(profileText(profile)) ?? profiles.get(profileText(coarseProfile(profile.level)));
  return {
    kind: KIND_NUMBERS[kind],
    component: nameId("component", component),
    profile: profileId ?? 0,
    code: code === "" ? 0 : nameId("code", code),
  };
}

/** The same object for the same numbers: a scan of the fleet asks for few places very often. */
function placeIn(known: Known, key: PlaceKey): Place | undefined {
  const { kind, component, profile, code } = key;
  // One number, not one text: this is asked for every row of the fleet. The bounds keep it exact.
  const number = ((profile * 65_536 + component) * 65_536 + code) * 8 + kind;
  const place = known.places.get(number) ?? readPlace(known, key);
  if (place !== undefined) known.places.set(number, place);
  return place;
}

function readPlace(known: Known, key: PlaceKey): Place | undefined {
  const kind = LINK_KINDS.find((each) => KIND_NUMBERS[each] === key.kind);
  const component = known.namesById.get(key.component);
  const profile = known.profilesById.get(key.profile);
  const code = key.code === 0 ? "" : known.namesById.get(key.code);
  if (kind === undefined || component === undefined) return undefined;
  if (profile === undefined || code === undefined) return undefined;
  return { kind, component, profile, code };
}

function refuseUnknown({ file }: Store, key: PlaceKey): never {
  const reason = `a row of the history names what is not there: ${JSON.stringify(key)}`;
  throw new TautlineError("store.damaged", { detail: { file, reason } });
}

function rowOf(profile: EvidenceProfile): Omit<HistoryProfileTable, "id"> {
  return {
    level: profile.level,
    protocol: profile.protocol ?? "",
    cipher: profile.cipher ?? "",
    key_group: profile.group ?? "",
    pq: Number(profile.pq),
    server_proven: Number(profile.serverProven),
    client_proven: Number(profile.clientProven),
    forward_secret: Number(profile.forwardSecret),
    credential: profile.credential,
  };
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}

function profileIn(row: Omit<HistoryProfileTable, "id">): EvidenceProfile {
  return {
    level: row.level as Level,
    protocol: orNull(row.protocol),
    cipher: orNull(row.cipher),
    group: orNull(row.key_group),
    pq: row.pq === 1,
    serverProven: row.server_proven === 1,
    clientProven: row.client_proven === 1,
    forwardSecret: row.forward_secret === 1,
    credential: row.credential,
  };
}
