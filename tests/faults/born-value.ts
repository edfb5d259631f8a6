// Values that prove what they are: each number says when it was born and which point it belongs to. So whoever sees one can say
// whether it is old, and whether it stands in the wrong place.

/** Places 0 to 1023; the time takes the other 43 of the 53 bits that a double holds exactly. */
const places = 1024;

export interface Birth {
  readonly atMs: number;
  readonly place: number;
}

/** A whole number, exact as a Double. `atMs` is milliseconds since 1970. */
export function bornValue(atMs: number, place: number): number {
  return Math.floor(atMs) * places + place;
}

export function birthOf(value: number): Birth {
  return { atMs: Math.floor(value / places), place: value % places };
}

/** How test points are named, so that a key tells the place: "p7". */
export function pointName(place: number): string {
  return `p${place}`;
}

/** Undefined for keys of other things. */
export function placeOf(key: string): number | undefined {
  const digits = /\bp(\d+)$/.exec(key)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
