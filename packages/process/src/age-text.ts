// How old something is, for people.

/** In two or three digits; "-" for never. */
export function ageText(ageMs: number | undefined): string {
  if (ageMs === undefined) return "-";
  if (ageMs < 9950) return `${(ageMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(ageMs / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
