// Where exported values go: lines or Parquet, to standard output or to a file.

import { closeSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { CommandError } from "@cpc-partition/process/command-error";
import { writingTrouble } from "@cpc-partition/process/file-trouble";
import { print, printBytes } from "@cpc-partition/process/standard-output";
import { csvRows, jsonLines, type ChangeFormat } from "./change-lines.ts";
import type { ExportedRow } from "./exported-values.ts";

export const exportFormats = ["csv", "ndjson", "parquet"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface RowOutput {
  write(rows: readonly ExportedRow[]): Promise<void>;
  /** Without it a Parquet file is none: its directory stands at its end. */
  end(): Promise<void>;
}

/** `file`: must not exist; undefined: standard output. Throws a CommandError. */
export async function openRowOutput(format: ExportFormat, file: string | undefined): Promise<RowOutput> {
  if (format === "parquet" && file === undefined && isatty(1))
    throw new CommandError("cannot show Parquet on a terminal; give --output FILE, or send it through a pipe");
  const descriptor = file === undefined ? undefined : create(file);
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
  };
  if (format === "parquet") {
    const { ParquetRows } = await import("./parquet-rows.ts");
    const rows = new ParquetRows(
      descriptor === undefined ? toStandardOutput : async (bytes) => writeAll(descriptor, bytes),
    );
    return {
      write: (more) => rows.write(more),
      end: async () => {
        await rows.end();
        close();
      },
    };
  }
  const lines = format === "csv" ? csvRows : jsonLines;
  const write = descriptor === undefined ? print : (text: string) => writeAll(descriptor, Buffer.from(`${text}\n`));
  if (lines.head !== undefined) write(lines.head);
  return {
    write: async (rows) => {
      if (rows.length > 0) write(textOf(lines, rows));
      if (descriptor === undefined && process.stdout.writableNeedDrain) await drained();
    },
    end: async () => close(),
  };
}

function textOf(format: ChangeFormat, rows: readonly ExportedRow[]): string {
  return rows.map(({ value, point }) => format.line(value, point)).join("\n");
}

function create(file: string): number {
  try {
    return openSync(file, "wx", 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST")
      throw new CommandError(`cannot write ${file} because it exists; remove it or choose another name`, {
        cause: error,
      });
    throw new CommandError(`cannot write ${file} because ${writingTrouble(error)}`, { cause: error });
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
  } catch (error) {
    throw new CommandError(`cannot go on writing the output because ${writingTrouble(error)}`, { cause: error });
  }
}

async function toStandardOutput(bytes: Uint8Array): Promise<void> {
  if (!printBytes(bytes)) await drained();
}

/** Until the output takes more, or is gone. */
async function drained(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdout.once("drain", resolve).once("close", resolve);
  await promise;
  process.stdout.off("drain", resolve).off("close", resolve);
}
