// What is counted about the documents of a service, whoever keeps the count.

/** u64 each. */
export const documentFigures = [
  "documents",
  "documentBytes",
  "documentCapacityBytes",
  "documentEntriesMissing",
  "guardTimeouts",
  "guardSeizures",
  "objectsRestored",
  "deaths",
] as const;
export type DocumentFigure = (typeof documentFigures)[number];

export interface DocumentFigures {
  count(figure: DocumentFigure, by?: bigint): void;
  set(figure: DocumentFigure, value: bigint): void;
}

/** Of a library's own documents: nobody asks for them. */
export const noFigures: DocumentFigures = { count: () => {}, set: () => {} };
