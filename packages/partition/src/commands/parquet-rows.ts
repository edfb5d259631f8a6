// Exported values as Parquet. Numbers stand in the column `value`; what is no number (texts, arrays, structures), or loses digits as one, in `text`.

import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { BuiltInType, builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { statusName } from "@cpc-partition/image/values/status-name";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import type { TimedValue } from "./change-lines.ts";
import type { ExportedRow } from "./exported-values.ts";

/** Each group of rows has its own dictionaries and sizes: small ones make large files, large ones take memory. */
const rowsInGroup = 50_000;

const required = { repetition_type: "REQUIRED" } as const;
const optional = { repetition_type: "OPTIONAL" } as const;
const text = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;
const instant = {
  type: "INT64",
  logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  converted_type: "TIMESTAMP_MICROS",
} as const;

type Column = { readonly element: object; readonly of: (row: ExportedRow) => unknown };

const columns: Readonly<Record<string, Column>> = {
  published: { element: { ...instant, ...required }, of: ({ value }) => value.publishedNs / 1000n },
  received: { element: { ...instant, ...optional }, of: ({ value }) => microseconds(value.receivedNs) },
  source: { element: { ...instant, ...optional }, of: ({ value }) => microseconds(value.sourceNs) },
  server: { element: { ...text, ...required }, of: ({ point }) => point.server },
  key: { element: { ...text, ...required }, of: ({ point }) => point.key },
  value: { element: { type: "DOUBLE", ...optional }, of: ({ value }) => numberOf(value) },
  text: { element: { ...text, ...optional }, of: ({ value }) => textOf(value) },
  type: { element: { ...text, ...required }, of: ({ value }) => builtInTypeName(value.type) },
  unit: { element: { ...text, ...required }, of: ({ point }) => point.unit },
  status: { element: { ...text, ...required }, of: ({ value }) => statusName(value.status) },
  statusCode: { element: { type: "INT64", ...required }, of: ({ value }) => BigInt(value.status) },
};

export class ParquetRows {
  readonly #bytes = new ByteWriter();
  readonly #send: (bytes: Uint8Array) => Promise<void>;
  readonly #writer: ParquetWriter;
  #waiting: ExportedRow[] = [];

  /** `send` is called with a piece of the file after the other; a piece is valid until the promise resolves. */
  constructor(send: (bytes: Uint8Array) => Promise<void>) {
    this.#send = send;
    const elements = Object.entries(columns).map(([name, { element }]) => Object.assign({ name }, element));
    const schema = [{ name: "root", num_children: elements.length }, ...elements];
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema,
      createdBy: "cpc-partition",
    });
  }

  async write(rows: readonly ExportedRow[]): Promise<void> {
    for (const row of rows) {
      this.#waiting.push(row);
      if (this.#waiting.length === rowsInGroup) await this.#writeGroup();
    }
  }

  async end(): Promise<void> {
    if (this.#waiting.length > 0) await this.#writeGroup();
    await this.#writer.finish();
    await this.#flush();
  }

  async #writeGroup(): Promise<void> {
    const rows = this.#waiting;
    this.#waiting = [];
    const columnData = Object.entries(columns).map(([name, { of }]) => ({ name, data: rows.map(of) }));
    await this.#writer.write({
      columnData,
      rowGroupSize: rowsInGroup,
    });
    await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#send(this.#bytes.getBytes().slice());
    this.#bytes.index = 0;
  }
}

function microseconds(ns: bigint): bigint | null {
  return ns === 0n ? null : ns / 1000n;
}

function numberOf({ value, type, dimensions }: TimedValue): number | null {
  if (dimensions !== undefined || type === BuiltInType.DateTime) return null;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : null;
  return typeof value === "number" || typeof value === "boolean" ? Number(value) : null;
}

function textOf(value: TimedValue): string | null {
  if (value.value === null || numberOf(value) !== null) return null;
  const json = valueToJson(value);
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
