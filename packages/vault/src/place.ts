/** The one place a sealed value belongs to; it opens nowhere else. */
export interface Place {
  readonly table: string;
  readonly row: string;
  readonly column: string;
}

/** Writes a place for people. */
export function formatPlace(place: Place): string {
  return `${place.table}/${place.row}/${place.column}`;
}
