// The vectors as they lie in readers/vectors, to run a reader over them.

import { readdirSync, readFileSync } from "node:fs";
import type { Cursor } from "../../packages/image/src/journal-reader.ts";
import type { Json } from "./json-form.ts";

export const vectors = new URL("../../readers/vectors/", import.meta.url);

type Content = Uint8Array<ArrayBuffer>;

function bytesOf(name: string): Content {
  return Uint8Array.from(readFileSync(new URL(name, vectors)));
}

function jsonOf(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, vectors), "utf8"));
}

function namesOf(kind: string): readonly string[] {
  return readdirSync(vectors).filter((name) => name.endsWith(kind));
}

export function imageVectors() {
  return namesOf(".image").map((name) => ({ name, bytes: bytesOf(name), expected: jsonOf(`${name}.json`) as Json }));
}

interface ExpectedRead {
  readonly from: { readonly position: string; readonly sequence: string };
}

export function journalVectors() {
  return namesOf(".journal").map((name) => {
    const { reads, ...head } = jsonOf(`${name}.json`) as { readonly reads: readonly ExpectedRead[] };
    return {
      name,
      bytes: bytesOf(name),
      head,
      reads: reads.map(({ from, ...expected }): { readonly from: Cursor; readonly expected: Json } => ({
        from: { position: BigInt(from.position), sequence: BigInt(from.sequence) },
        expected: expected as Json,
      })),
    };
  });
}

interface Spoilt {
  readonly what: string;
  readonly file: string;
  readonly words: readonly (readonly [offset: number, word: number])[];
  readonly size?: number;
}

/** The file with the words that `spoilt.json` puts into it, cut to its size. */
export function spoiltVectors() {
  return (jsonOf("spoilt.json") as readonly Spoilt[]).map(({ what, file, words, size }) => {
    const whole = bytesOf(file);
    const view = new DataView(whole.buffer);
    for (const [offset, word] of words) view.setUint32(offset, word, true);
    return { what, file, bytes: whole.slice(0, size ?? whole.length) };
  });
}
