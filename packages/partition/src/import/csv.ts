// Lists of registers as vendors and engineers keep them: a CSV file whose columns have names that we know, in any order, German or English.
// A list with a column of node ids is one of OPC UA nodes.

import type { ReadFunction } from "../protocols/modbus/configuration/modbus-server.ts";
import { fold } from "../configuration/words.ts";
import { findHeading, readTable, type Row } from "./csv-table.ts";
import { decimalText, registerType, wordOrder } from "./data-types.ts";
import { Findings, type EndpointDraft, type Imported, type ImportSettings, type NodeDraft } from "./draft.ts";
import { addressing, readAddress, type WrittenAddress } from "./register-address.ts";
import { parseNodeId } from "./node-id.ts";
import { modbusServers, opcUaServers, type PlacedEndpoint, type PlacedNode } from "./servers.ts";

/** What a column may be called, folded: lower case, letters and digits only. */
const columnNames = {
  name: "name tag tagname bezeichnung variable variablename parameter parametername signal signalname datenpunkt datapoint registername punkt point messwert",
  description:
    "description beschreibung comment kommentar bemerkung bemerkungen remark remarks notes beschreibungstext",
  function:
    "function functioncode fc funktion funktionscode table tabelle registertype registertyp objecttype objekttyp area bereich modbusfunction fcode",
  address:
    "address adresse register registeraddress registeradresse registernumber registernummer modbusaddress modbusadresse start startaddress startadresse addr reg",
  quantity:
    "quantity count anzahl length länge laenge size größe groesse words registers registeranzahl anzahlregister len",
  type: "type typ datatype datentyp dtype format valuetype",
  unit: "unit einheit engineeringunit engunits engunit units eu phyeinheit",
  scale:
    "scale factor faktor multiplier skalierung skalierungsfaktor scaling scalefactor gain resolution auflösung aufloesung multiplikator",
  bias: "bias zeropoint nullpunkt summand add",
  bit: "bit bitoffset bitnumber bitnummer bitnr bitno",
  unitId:
    "unitid slaveid slave stationid station deviceid stationsadresse slaveadresse slaveaddress unitidentifier deviceaddress geräteadresse geraeteadresse",
  wordOrder: "wordorder byteorder endianness endian wortreihenfolge bytereihenfolge swap",
  noValue: "novalue invalid ungültig ungueltig invalidvalue",
  host: "host ip ipaddress ipaddr ipadresse hostname",
  port: "port tcpport",
  server: "server device gerät geraet alias serveralias devicename gerätename geraetename",
  access: "access zugriff rw readwrite clientaccess zugriffsrecht accessrights",
  nodeId: "nodeid node knoten knotenid opcnodeid opcuanodeid",
} as const;

type Column = keyof typeof columnNames;

/** The number of the row, not of a register. */
const rowNumber = /^(?:nr|no|pos|position|lfd|lfdnr|laufendenummer|rownumber)$/;

/** Could be two things. */
const ambiguous: Readonly<Record<string, string>> = { offset: "bit or bias" };

/** `undefined` in the columns: not in this list. */
type Cells = (column: Column) => string;

export function importCsv(text: string, settings: ImportSettings): Imported {
  const findings = new Findings();
  const rows = readTable(text);
  const at = findHeading(rows, isHeading);
  const heading = rows[at ?? -1];
  if (at === undefined || heading === undefined) {
    throw new Error(
      "it has no heading with the columns name and address (or node id); name the columns, for example: name;function;address;type;unit",
    );
  }
  const places = columnsOf(heading, findings);
  const content = rows.slice(at + 1).map((row) => ({ row, cells: cellsOf(row, places) }));
  const readable = content.filter(({ row, cells }) => {
    const isWriteOnly = /^(w|wo|write|writeonly|schreiben|nurschreiben)$/.test(fold(cells("access")));
    if (isWriteOnly) findings.leaveOut(`line ${row.line}`, `"${cells("name")}" can only be written`);
    return !isWriteOnly;
  });
  const servers = places.has("nodeId")
    ? opcUaServers(nodesOf(readable, findings), settings, findings)
    : modbusServers(endpointsOf(readable, settings, findings), settings, findings);
  const leftOut = findings.leftOut.toSorted((one, other) => lineOf(one) - lineOf(other));
  return { servers, leftOut, notes: findings.notes };
}

/** Rows are looked at in several rounds. What has no line comes last. */
function lineOf(leftOut: string): number {
  return Number(/^line (\d+)/.exec(leftOut)?.[1] ?? Number.MAX_SAFE_INTEGER);
}

function isHeading(cells: readonly string[]): boolean {
  const columns = new Set(cells.map((cell) => columnNamed(cell)));
  return columns.has("nodeId") || (columns.has("address") && (columns.has("name") || columns.has("description")));
}

function columnNamed(text: string): Column | undefined {
  // "Address (hex)", "Unit [SI]": what is in brackets explains.
  const folded = fold(text.replaceAll(/[([].*$/g, ""));
  const names = Object.entries(columnNames) as [Column, string][];
  return names.find(([, others]) => others.split(" ").includes(folded))?.[0];
}

function columnsOf({ line, cells }: Row, findings: Findings): ReadonlyMap<Column, number> {
  const places = new Map<Column, number>();
  for (const [place, text] of cells.entries()) {
    const column = columnNamed(text);
    const meanings = ambiguous[fold(text)];
    if (column !== undefined && !places.has(column)) places.set(column, place);
    else if (meanings !== undefined)
      findings.leaveOut(`line ${line}`, `column "${text}" could be ${meanings}; rename it to the one that it is`);
    else if (rowNumber.test(fold(text))) findings.note(`column "${text}" was taken for the number of the row`);
    else if (text !== "") findings.leaveOut(`line ${line}`, `column "${text}" has no counterpart`);
  }
  return places;
}

function cellsOf({ cells }: Row, places: ReadonlyMap<Column, number>): Cells {
  return (column) => {
    const place = places.get(column);
    return place === undefined ? "" : (cells[place] ?? "");
  };
}

interface Content {
  readonly row: Row;
  readonly cells: Cells;
}

function nodesOf(content: readonly Content[], findings: Findings): readonly PlacedNode[] {
  return content.flatMap(({ row, cells }) => {
    const id = parseNodeId(cells("nodeId"));
    if (id === undefined) {
      findings.leaveOut(`line ${row.line}`, `"${cells("nodeId")}" is no node id; write it as ns=2;s=Tank.Level`);
      return [];
    }
    const node: NodeDraft = {
      ...id,
      name: cells("name") || id.identifier,
      dataType: cells("type") || "Variant",
      description: cells("description"),
      settings: { engineeringUnit: cells("unit") || undefined },
    };
    for (const column of notNeutral(cells, ["scale", "bias", "noValue", "bit"]))
      findings.leaveOut(
        `line ${row.line}`,
        `${column} "${cells(column)}" of "${node.name}": OPC UA values are published as they are`,
      );
    return [{ node, server: cells("server"), url: cells("host") }];
  });
}

function endpointsOf(
  content: readonly Content[],
  settings: ImportSettings,
  findings: Findings,
): readonly PlacedEndpoint[] {
  const addressed = content.flatMap(({ row, cells }) => {
    const where = `line ${row.line}`;
    const written = readAddress(cells("address"));
    const functionCode = functionOf(cells("function"));
    if (written === undefined) {
      // Headings of sections stand between the rows of many lists.
      if (row.cells.filter((cell) => cell !== "").length === 1) return [];
      findings.leaveOut(where, `"${cells("address")}" is no address ("${cells("name") || cells("description")}")`);
      return [];
    }
    if (functionCode === "write") {
      findings.leaveOut(where, `"${cells("name")}" has a function that writes`);
      return [];
    }
    return [{ where, cells, written, functionCode, digits: written.digits }];
  });
  if (
    addressed.every(({ functionCode, digits }) => functionCode === undefined && digits.length < 5) &&
    addressed.length > 0
  ) {
    findings.note("no column says the function; all points were taken for holding registers");
    for (const row of addressed) row.functionCode = 3;
  }
  const place = addressing(addressed, settings.addresses, findings);
  return addressed.flatMap((row) => {
    const placed = place(row);
    if (placed === undefined) {
      const why = row.functionCode === undefined ? "its function is not known" : "its address is out of range";
      findings.leaveOut(row.where, `"${row.cells("name")}" (${row.digits}): ${why}`);
      return [];
    }
    const endpoint = endpointOf(row.cells, row.written, placed.functionCode, placed.address);
    if (typeof endpoint === "string") {
      findings.leaveOut(row.where, `"${row.cells("name")}": ${endpoint}`);
      return [];
    }
    if (endpoint.bit !== undefined) findings.note("bits were counted from 0 for the least significant of a register");
    for (const column of droppedColumns(row.cells, endpoint))
      findings.leaveOut(row.where, `${column} "${row.cells(column)}" of "${endpoint.name}": a single bit has none`);
    return [
      {
        endpoint,
        server: row.cells("server"),
        host: row.cells("host"),
        port: row.cells("port"),
        unitId: row.cells("unitId"),
      },
    ];
  });
}

/** Columns that mean something for whole registers only. */
function droppedColumns(cells: Cells, { functionCode, bit }: EndpointDraft): readonly Column[] {
  return functionCode > 2 && bit === undefined ? [] : notNeutral(cells, ["scale", "bias", "noValue"]);
}

/** What changes nothing; of others every text changes something. */
const neutral: Partial<Record<Column, number>> = { scale: 1, bias: 0, bit: -1 };

function notNeutral(cells: Cells, columns: readonly Column[]): readonly Column[] {
  return columns.filter((column) => {
    const text = cells(column);
    return text !== "" && Number(decimalText(text) ?? Number.NaN) !== neutral[column];
  });
}

/** Or why it cannot be one. */
function endpointOf(
  cells: Cells,
  written: WrittenAddress,
  functionCode: ReadFunction,
  address: number,
): EndpointDraft | string {
  const name = cells("name") || cells("description");
  if (name === "") return "it has no name";
  const said = cells("quantity") === "" ? written.quantity : Number(cells("quantity"));
  if (said !== undefined && !(Number.isInteger(said) && said >= 1))
    return `quantity "${cells("quantity")}" is no number`;
  const common = { name, functionCode, address, description: cells("description") };
  const engineeringUnit = cells("unit") || undefined;
  if (functionCode <= 2) return { ...common, quantity: said ?? 1, settings: { engineeringUnit } };
  const bit = cells("bit") === "" ? written.bit : Number(cells("bit"));
  if (bit !== undefined && !Number.isInteger(bit)) return `bit "${cells("bit")}" is no number`;
  const isBit = bit !== undefined && bit >= 0;
  if (isBit && bit > 15) return `bit ${bit} is none of a register`;
  const order = cells("wordOrder") === "" ? undefined : wordOrder(cells("wordOrder"));
  if (cells("wordOrder") !== "" && order === undefined) return `word order "${cells("wordOrder")}" could mean several`;
  if (isBit) {
    const isSwapped = order === "BADC" || order === "DCBA";
    return { ...common, quantity: 1, bit, settings: { wordOrder: isSwapped ? "BADC" : undefined, engineeringUnit } };
  }
  const type = cells("type") === "" ? { dataType: undefined, registers: said ?? 1 } : registerType(cells("type"), said);
  if (typeof type === "string") return type;
  const numbers = { scale: decimalText(cells("scale")), bias: decimalText(cells("bias")) };
  for (const column of ["scale", "bias"] as const) {
    if (cells(column) !== "" && numbers[column] === undefined)
      return `${column} "${cells(column)}" is no number, or could be several`;
  }
  if (numbers.scale !== undefined && Number(numbers.scale) === 0) return "scale 0 would make every value the same";
  return {
    ...common,
    quantity: type.registers,
    settings: {
      dataType: type.dataType,
      wordOrder: order,
      scale: numbers.scale === "1" ? undefined : numbers.scale,
      bias: numbers.bias === "0" ? undefined : numbers.bias,
      noValue: cells("noValue") || undefined,
      engineeringUnit,
    },
  };
}

/** "3", "FC04", "0x03", "Read Holding Registers", "Halteregister", "03 - Holding"; undefined: not said. */
function functionOf(text: string): ReadFunction | "write" | undefined {
  const folded = fold(text);
  const digits = /^(?:fc)?0?x?0?(\d{1,2})(?:\D.*)?$/.exec(folded)?.[1];
  if (/^(write|schreib)/.test(folded) || digits === "5" || digits === "6" || digits === "15" || digits === "16")
    return "write";
  if (digits !== undefined && Number(digits) >= 1 && Number(digits) <= 4) return Number(digits) as ReadFunction;
  if (/discrete|diskret|digitaleingang|digitalinput|inputstatus|eingangsbit/.test(folded)) return 2;
  if (/coil|spule|digitalausgang|digitaloutput|ausgangsbit/.test(folded)) return 1;
  if (/holding|halte/.test(folded)) return 3;
  if (/inputreg|eingangsreg|analogeingang|analoginput/.test(folded)) return 4;
  return undefined;
}
