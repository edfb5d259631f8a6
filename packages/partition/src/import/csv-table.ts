// A table in a text file: delimiter and encoding are found out, the heading may come after a few lines of title.

import { parse } from "csv-parse/sync";

export interface Row {
  /** In the file, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

const delimiters = [";", "\t", ",", "|"];
/** Titles and empty lines before the heading. */
export const mostLinesBeforeHeading = 30;

/** Rows with something in them. Throws an Error with a sentence when a quotation does not end. */
export function readTable(text: string): readonly Row[] {
  const delimiter = delimiterOf(text);
  const records = parse(text, {
    delimiter,
    relaxColumnCount: true,
    relaxQuotes: true,
    skipEmptyLines: true,
    info: true,
  }) as unknown as readonly { readonly record: readonly string[]; readonly info: { readonly lines: number } }[];
  return records
    .map(({ record, info }) => ({ line: info.lines, cells: record.map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
}

/** The first row that `isHeading` likes; undefined: there is none where one would be. */
export function findHeading(
  rows: readonly Row[],
  isHeading: (cells: readonly string[]) => boolean,
): number | undefined {
  const at = rows.slice(0, mostLinesBeforeHeading).findIndex(({ cells }) => isHeading(cells));
  return at < 0 ? undefined : at;
}

/** The one that most lines have the same number of; a decimal comma is in few of them. */
function delimiterOf(text: string): string {
  const lines = text.split(/\r?\n/, mostLinesBeforeHeading).filter((line) => line.trim() !== "");
  const score = (delimiter: string): number => {
    const counts = lines.map((line) => line.split(delimiter).length - 1).filter((count) => count > 0);
    const usual = counts.toSorted((a, b) => a - b)[counts.length >> 1] ?? 0;
    return counts.filter((count) => count === usual).length * Math.min(usual, 4);
  };
  return delimiters.toSorted((a, b) => score(b) - score(a))[0] ?? ",";
}
