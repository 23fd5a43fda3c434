import { judgeArrival, type Rank, RANKS } from "./arrival-rule.ts";
import { comeBackAfterMs } from "./return-time.ts";
import { createPace } from "./pace.ts";

/** Somebody who wants a piece of work done. Neither function throws. */
export interface Visitor {
  readonly rank: Rank;
  /** Called once when it is its turn, perhaps before `enter` returns. */
  begin(): void;
  /** Called in its place where there is no room; the caller shall come back after so many milliseconds. */
  refuse(retryAfterMs: number): void;
}

/** Bounds how much of one kind of work is under way, and how many wait for it. */
export interface WaitingRoom {
  /**
   * Takes a visitor in, or refuses it.
   *
   * @returns to be called when its work is done or it has gone, any number of times
   */
  enter(visitor: Visitor): () => void;
  readonly waiting: number;
  /** Whether a visitor of that rank would be refused now, and when it should come back. */
  refusalMs(rank: Rank): number | undefined;
}

/** How a room is made. */
export interface WaitingRoomOptions {
  readonly atOnce: number;
  readonly mostWaiting: number;
  /** How many a second are served, before it was ever measured. */
  readonly expectedPerSecond: number;
  /** Milliseconds since any moment. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A visitor began, having waited so many milliseconds. */
  readonly onBegun: (waitedMs: number) => void;
  readonly onRefused: () => void;
  /** So many wait now. */
  readonly onWaiting: (waiting: number) => void;
}

interface Place {
  readonly visitor: Visitor;
  readonly sinceMs: number;
  isUnderWay: boolean;
}

/**
 * Opens an empty room.
 *
 * @param options its bounds, and who is told
 */
export function createWaitingRoom(options: WaitingRoomOptions): WaitingRoom {
  const room = new Room(options);
  return {
    enter: (visitor) => room.enter(visitor),
    get waiting() {
      return room.waiting;
    },
    refusalMs: (rank) => room.refusalMs(rank),
  };
}

class Room {
  readonly #options: WaitingRoomOptions;
  readonly #pace: ReturnType<typeof createPace>;
  /** In the order they came. */
  readonly #queues: Readonly<Record<Rank, Set<Place>>> = {
    known: new Set(),
    stranger: new Set(),
    suspect: new Set(),
  };
  #underWay = 0;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
    this.#pace = createPace(options.expectedPerSecond, options.now);
  }

  get waiting(): number {
    const { known, stranger, suspect } = this.#queues;
    return known.size + stranger.size + suspect.size;
  }

  enter(visitor: Visitor): () => void {
    const place: Place = { visitor, sinceMs: this.#options.now(), isUnderWay: false };
    const decision = this.#judge(visitor.rank);
    if (decision === "begin") this.#begin(place);
    else if (decision === "refuse") this.#refuse(visitor);
    else {
      if (decision === "displace") this.#displaceOne();
      this.#queues[visitor.rank].add(place);
      this.#options.onWaiting(this.waiting);
    }
    return () => this.#leave(place);
  }

  refusalMs(rank: Rank): number | undefined {
    return this.#judge(rank) === "refuse" ? this.#sendAway() : undefined;
  }

  #judge(rank: Rank) {
    const { atOnce, mostWaiting } = this.#options;
    const lowestWaiting = RANKS.findLast((each) => this.#queues[each].size > 0);
    const { waiting } = this;
    return judgeArrival({
      rank,
      underWay: this.#underWay,
      atOnce,
      waiting,
      mostWaiting,
      lowestWaiting,
    });
  }

  #begin(place: Place): void {
    this.#underWay += 1;
    place.isUnderWay = true;
    this.#options.onBegun(Math.max(0, this.#options.now() - place.sinceMs));
    place.visitor.begin();
  }

  #leave(place: Place): void {
    if (!place.isUnderWay) {
      if (this.#queues[place.visitor.rank].delete(place)) this.#options.onWaiting(this.waiting);
      return;
    }
    place.isUnderWay = false;
    this.#underWay -= 1;
    this.#pace.served(this.waiting > 0);
    const next = this.#first();
    if (next === undefined) return;
    this.#queues[next.visitor.rank].delete(next);
    this.#options.onWaiting(this.waiting);
    this.#begin(next);
  }

  #first(): Place | undefined {
    const rank = RANKS.find((each) => this.#queues[each].size > 0);
    if (rank === undefined) return undefined;
    const [first] = this.#queues[rank];
    return first;
  }

  #displaceOne(): void {
    const rank = RANKS.findLast((each) => this.#queues[each].size > 0);
    const newest = rank && [...this.#queues[rank]].at(-1);
    if (newest === undefined) return;
    this.#queues[newest.visitor.rank].delete(newest);
    this.#refuse(newest.visitor);
  }

  #refuse(visitor: Visitor): void {
    visitor.refuse(this.#sendAway());
  }

  #sendAway(): number {
    this.#options.onRefused();
    const ahead = this.waiting + this.#pace.sendAway();
    return comeBackAfterMs({
      ahead,
      perSecond: this.#pace.perSecond,
      random: this.#options.random(),
    });
  }
}
