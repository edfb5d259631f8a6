// The formats that can be imported, and how a file shows which one it is.

import { importCsv } from "./csv.ts";
import { mostLinesBeforeHeading } from "./csv-table.ts";
import type { Imported, ImportSettings } from "./draft.ts";
import type { FormatName } from "./format-names.ts";
import { importKepware, isKepwareHeading } from "./kepware.ts";
import { importNeuron } from "./neuron.ts";
import { importOpcPublisher } from "./opc-publisher.ts";
import { importTelegraf } from "./telegraf.ts";

/** Each throws an Error with a sentence for a file that is none of it. */
export const formats: Readonly<Record<FormatName, (text: string, settings: ImportSettings) => Imported>> = {
  csv: importCsv,
  telegraf: importTelegraf,
  neuron: importNeuron,
  "opc-publisher": importOpcPublisher,
  kepware: importKepware,
};

/** By what stands in it, not by its name. */
export function formatOf(text: string): FormatName {
  const begin = text.trimStart();
  if (begin.startsWith("{")) return "neuron";
  if (/^\s*\[{1,2}\s*[\w."-]+\s*\]{1,2}\s*(?:#.*)?$/m.test(text) && !/^\[\s*\{/.test(begin)) return "telegraf";
  if (begin.startsWith("[")) return "opc-publisher";
  // Not read as a table: a quotation may end behind these lines, or nowhere.
  const firstLines = text.split("\n", mostLinesBeforeHeading);
  return firstLines.some((line) => isKepwareHeading(line.split(/[,;\t|]/))) ? "kepware" : "csv";
}
