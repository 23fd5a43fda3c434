import type { PlaceState } from "./backend-upstreams.ts";
import type { BackendStore } from "./backend-store.ts";
import type { ClaimantStore } from "./claims/claimant-store.ts";
import type { ClientStore } from "./client-store.ts";
import type { LiveReceiverLink } from "./link-table.ts";
import type { Sightings } from "./sightings.ts";

/** What operators see and change of the receiver. */
export interface ReceiverApi {
  readonly backends: BackendStore;
  readonly clients: ClientStore;
  readonly claimants: ClaimantStore;
  /** What this process saw lately. */
  readonly sightings: Pick<Sightings, "refusals" | "claims" | "usedMs">;
  /** How the places of a backend are, in the order to try; empty where this process has none of that name. */
  healthOf(backend: string): readonly PlaceState[];
  /** Connects to a backend that no call has needed yet, so that it is known how it is; resolves within a few seconds. Never rejects. */
  check(backend: string): Promise<void>;
  /** The links of this process over which telemetry comes. */
  links(): readonly LiveReceiverLink[];
}
