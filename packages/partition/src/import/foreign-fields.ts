// Fields of files that others wrote: of any type, or missing.

export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The records of a list; a single record is a list of one. */
export function list(value: unknown): readonly Fields[] {
  if (Array.isArray(value)) return value.map((item) => record(item));
  return typeof value === "object" && value !== null ? [record(value)] : [];
}

/** "" for what is no text and no number. */
export function text(value: unknown): string {
  return typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "bigint"
      ? String(value)
      : "";
}

export function number(value: unknown): number | undefined {
  const read = typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
  return Number.isFinite(read) ? read : undefined;
}
