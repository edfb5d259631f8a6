// The tags of a device as KEPServerEX exports them (CSV). The file has the tags only: neither the device's address nor its settings.

import { fold } from "../configuration/words.ts";
import { findHeading, readTable } from "./csv-table.ts";
import { registerType, decimalText } from "./data-types.ts";
import { Findings, type EndpointDraft, type Imported, type ImportSettings } from "./draft.ts";
import { linearScale } from "./linear-scale.ts";
import { parseNodeId } from "./node-id.ts";
import { ofNumber } from "./register-address.ts";
import { modbusServers, opcUaServers, withIntervals, type PlacedEndpoint, type PlacedNode } from "./servers.ts";

/** As that program calls them; a Word is unsigned there, a Short signed. */
const typeNames: Readonly<Record<string, string>> = {
  boolean: "Boolean",
  short: "Int16",
  word: "UInt16",
  long: "Int32",
  dword: "UInt32",
  llong: "Int64",
  qword: "UInt64",
  float: "Float",
  double: "Double",
  string: "String",
  bcd: "BCD16",
  lbcd: "BCD32",
};

const nowhere = { server: "", host: "", port: "", unitId: "" };

type Tag = (column: string) => string;

/** True for the heading of such a file. */
export function isKepwareHeading(cells: readonly string[]): boolean {
  const columns = new Set(cells.map((cell) => fold(cell)));
  return columns.has("tagname") && columns.has("respectdatatype") && columns.has("address");
}

export function importKepware(text: string, settings: ImportSettings): Imported {
  const findings = new Findings();
  const rows = readTable(text);
  const at = findHeading(rows, isKepwareHeading);
  const heading = rows[at ?? -1];
  if (at === undefined || heading === undefined)
    throw new Error(
      'it has no heading with "Tag Name", "Address" and "Respect Data Type"; export the tags of a device as CSV',
    );
  const columns = new Map(heading.cells.map((cell, place) => [fold(cell), place]));
  const rates = new Set(rows.slice(at + 1).flatMap(({ cells }) => cells[columns.get("scanrate") ?? -1] || []));
  // One rate for all is what the program writes where nobody chose one.
  const hasRates = rates.size > 1;
  const endpoints: PlacedEndpoint[] = [];
  const nodes: PlacedNode[] = [];
  for (const { line, cells } of rows.slice(at + 1)) {
    const tag: Tag = (column) => cells[columns.get(column) ?? -1] ?? "";
    const where = `line ${line}`;
    const interval = hasRates ? intervalOf(tag("scanrate")) : undefined;
    const nodeId = parseNodeId(tag("address"));
    if (fold(tag("clientaccess")) === "wo") findings.leaveOut(where, `"${tag("tagname")}" can only be written`);
    else if (nodeId !== undefined) {
      const draft = { name: tag("tagname"), dataType: typeNames[fold(tag("datatype"))] ?? "Variant" };
      const unit = { engineeringUnit: tag("engunits") || undefined };
      if (tag("scaling") !== "" && fold(tag("scaling")) !== "none")
        findings.leaveOut(where, `the scaling of "${tag("tagname")}": OPC UA values are published as they are`);
      nodes.push({
        node: { ...nodeId, ...draft, description: tag("description"), settings: { ...unit, interval } },
        server: "",
        url: "",
      });
    } else {
      const endpoint = endpointOf(tag, where, findings);
      if (typeof endpoint === "string") findings.leaveOut(where, `"${tag("tagname")}": ${endpoint}`);
      else endpoints.push({ endpoint: { ...endpoint, settings: { ...endpoint.settings, interval } }, ...nowhere });
    }
    if (tag("negatevalue") === "1" && nodeId !== undefined)
      findings.leaveOut(where, `the changed sign of "${tag("tagname")}": OPC UA values are published as they are`);
    if (tag("clamplow") === "1" || tag("clamphigh") === "1")
      findings.leaveOut(where, `the limits of "${tag("tagname")}": values are published as the device has them`);
  }
  if (endpoints.some(({ endpoint }) => endpoint.settings["wordOrder"] !== undefined)) {
    findings.note(
      "values of 32 and 64 bits got <wordOrder>CDAB</wordOrder>, which is that program's default (first word low); if the device is set otherwise there, change it",
    );
  }
  if (rates.size === 1)
    findings.note(`the scan rate of all tags (${[...rates].join()} ms) was not taken over: <interval> sets the rate`);
  const drafts = [...modbusServers(endpoints, settings, findings), ...opcUaServers(nodes, settings, findings)];
  const servers = drafts.map((draft) => withIntervals(draft));
  return { servers, leftOut: findings.leftOut, notes: findings.notes };
}

/** Or why it cannot be one. */
function endpointOf(tag: Tag, where: string, findings: Findings): EndpointDraft | string {
  const [, digits = "", bit, string, length, order, count] =
    /^(\d{5,6})(?:\.(\d{1,2})|(\.(\d{1,3})([HL])))?(?:\s*\[(\d+)\])?$/i.exec(tag("address")) ?? [];
  const place = ofNumber(digits);
  if (place === undefined) return `address "${tag("address")}" has no counterpart`;
  const common = { ...place, name: tag("tagname"), description: tag("description") };
  const engineeringUnit = tag("engunits") || undefined;
  const elements = count === undefined ? 1 : Number(count);
  const isScaled = !["", "none"].includes(fold(tag("scaling"))) || tag("negatevalue") === "1";
  const dropScaling = (what: string): void => {
    if (isScaled) findings.leaveOut(where, `the scaling of "${tag("tagname")}": ${what} has none`);
  };
  if (place.functionCode <= 2) {
    dropScaling("a single bit");
    return { ...common, quantity: elements, settings: { engineeringUnit } };
  }
  if (bit !== undefined) {
    if (Number(bit) > 15) return `bit ${bit} is none of a register`;
    dropScaling("a single bit");
    findings.note(
      "bits were counted from 0 for the least significant, which is that program's default; if the device is set otherwise there (bits from 1, or Modicon bit order), change <offset>",
    );
    return { ...common, quantity: 1, bit: Number(bit), settings: { engineeringUnit } };
  }
  const named = typeNames[fold(tag("datatype")).replace(/array$/, "")];
  if (named === undefined) return `type "${tag("datatype")}" has no counterpart`;
  if (named === "String" && string === undefined) return "the text has no length";
  const type = registerType(named, named === "String" ? Math.ceil(Number(length) / 2) : undefined);
  if (typeof type === "string") return type;
  if (named === "String") dropScaling("a text");
  const scaling = named === "String" ? {} : negated(scalingOf(tag, findings), tag("negatevalue") === "1");
  const scaledType = typeNames[fold(tag("scaleddatatype"))] ?? "";
  const hasFraction = typeof scaling !== "string" && /[.eE]/.test(`${scaling.scale ?? ""}${scaling.bias ?? ""}`);
  if (hasFraction && /^(?:U?Int|BCD)/.test(scaledType))
    findings.leaveOut(
      where,
      `the scaled type ${tag("scaleddatatype")} of "${tag("tagname")}": the decimal places are not cut off`,
    );
  if (typeof scaling === "string") {
    findings.leaveOut(where, `the scaling of "${tag("tagname")}": ${scaling}; the raw value is published`);
  }
  const swapped = named === "String" ? order?.toUpperCase() === "L" && "BADC" : type.registers > 1 && "CDAB";
  return {
    ...common,
    quantity: type.registers * elements,
    settings: {
      dataType: type.dataType,
      wordOrder: swapped === false ? undefined : swapped,
      ...(typeof scaling === "string" ? {} : scaling),
      engineeringUnit,
    },
  };
}

type Scaling = { readonly scale?: string; readonly bias?: string };

function minus(decimal: string): string {
  return decimal.startsWith("-") ? decimal.slice(1) : `-${decimal}`;
}

function negated(scaling: Scaling | string, isNegated: boolean): Scaling | string {
  if (!isNegated || typeof scaling === "string") return scaling;
  const { scale = "1", bias = "0" } = scaling;
  return { scale: minus(scale), bias: Number(bias) === 0 ? "0" : minus(bias) };
}

/** Or why it has none of ours. */
function scalingOf(tag: Tag, findings: Findings): Scaling | string {
  const kind = fold(tag("scaling"));
  if (kind === "" || kind === "none") return {};
  if (kind !== "linear") return `"${tag("scaling")}" is not linear`;
  const ends = ["rawlow", "rawhigh", "scaledlow", "scaledhigh"].map((column) => decimalText(tag(column)));
  const [rawLow, rawHigh, scaledLow, scaledHigh] = ends;
  if (rawLow === undefined || rawHigh === undefined || scaledLow === undefined || scaledHigh === undefined)
    return "one of its ends is no number";
  const line = linearScale({ rawLow, rawHigh, scaledLow, scaledHigh });
  if (line === undefined) return "its raw or its scaled ends are equal, or its factor has too many digits";
  const { scale, bias, isRounded } = line;
  if (isRounded) {
    findings.note(
      "factors without an end in decimal digits were rounded behind the 35th; the values are the same Doubles",
    );
  }
  return { scale, bias };
}

function intervalOf(rate: string): string | undefined {
  return Number(rate) > 0 ? String(Number(rate) / 1000) : undefined;
}
