// Telegraf's configuration (TOML): its Modbus inputs in the three styles "register", "request" and "metric", and its OPC UA inputs.

import { parse } from "smol-toml";
import type { ReadFunction } from "../protocols/modbus/configuration/modbus-server.ts";
import { wordOrder } from "./data-types.ts";
import {
  Findings,
  type EndpointDraft,
  type Imported,
  type NodeDraft,
  type OpcUaDraft,
  type Settings,
} from "./draft.ts";
import { monitoringOf, typeOfMonitored } from "./monitoring.ts";
import { parseNodeId } from "./node-id.ts";
import { modbusServers, UniqueNames, type PlacedEndpoint } from "./servers.ts";
import { list, number, record, text, type Fields } from "./foreign-fields.ts";
import { securityOf } from "./foreign-security.ts";

const registerLists: Readonly<Record<string, ReadFunction>> = {
  coils: 1,
  discrete_inputs: 2,
  holding_registers: 3,
  input_registers: 4,
};
const registerNames: Readonly<Record<string, ReadFunction>> = { coil: 1, discrete: 2, holding: 3, input: 4 };

interface NumberType {
  readonly dataType: string;
  readonly registers: number;
  /** Of a register, for types of 8 bits. */
  readonly half?: "low" | "high";
}

/** In the styles "request" and "metric", where a field has one address. */
const typesByName: Readonly<Record<string, NumberType>> = {
  FLOAT16: { dataType: "Float16", registers: 1 },
  FLOAT32: { dataType: "Float", registers: 2 },
  FLOAT64: { dataType: "Double", registers: 4 },
};
/** In the style "register" FIXED, UFIXED and FLOAT32 are whole numbers, of as many registers as they have addresses, which `scale` makes fractions. */
const types: Readonly<Record<string, NumberType>> = {
  INT8L: { dataType: "Int8", registers: 1, half: "low" },
  INT8H: { dataType: "Int8", registers: 1, half: "high" },
  UINT8L: { dataType: "UInt8", registers: 1, half: "low" },
  UINT8H: { dataType: "UInt8", registers: 1, half: "high" },
  "FLOAT16-IEEE": { dataType: "Float16", registers: 1 },
  INT16: { dataType: "Int16", registers: 1 },
  UINT16: { dataType: "UInt16", registers: 1 },
  INT32: { dataType: "Int32", registers: 2 },
  UINT32: { dataType: "UInt32", registers: 2 },
  INT64: { dataType: "Int64", registers: 4 },
  UINT64: { dataType: "UInt64", registers: 4 },
  "FLOAT32-IEEE": { dataType: "Float", registers: 2 },
  "FLOAT64-IEEE": { dataType: "Double", registers: 4 },
};

/** Of the inputs that we read: what says nothing about values. Everything else is named. */
const silent: ReadonlySet<string> = new Set(
  (
    "name controller slave_id timeout interval configuration_type transmission_mode request metric " +
    "workarounds name_override alias endpoint security_policy security_mode username password nodes group " +
    "auth_method byte_order optimization debug_connection string_register_location connect_timeout " +
    "request_timeout timestamp busy_retries busy_retries_wait session_timeout subscription_interval"
  )
    .split(" ")
    .concat(Object.keys(registerLists)),
);

const silentOfRequest: ReadonlySet<string> = new Set(
  "slave_id byte_order register measurement fields optimization optimization_max_register_fill".split(" "),
);
const silentOfField: ReadonlySet<string> = new Set(
  "name address byte_order data_type type scale omit output measurement register length bit".split(" "),
);
const silentOfNode: ReadonlySet<string> = new Set(
  "name namespace identifier_type identifier id nodes sampling_interval monitoring_params".split(" "),
);
const knownWorkarounds: ReadonlySet<string> = new Set(
  "pause_between_requests pause_after_connect read_coils_starting_at_zero string_register_location".split(" "),
);
const defaultFill = 50;
/** Of the one character in each register, where that is said. */
const textForms: Readonly<Record<string, Settings>> = {
  lower: { charactersPerRegister: "1" },
  upper: { charactersPerRegister: "1", wordOrder: "BADC" },
};

export function importTelegraf(toml: string): Imported {
  const findings = new Findings();
  const file = record(parse(toml));
  const inputs = record(file["inputs"]);
  const { interval } = record(file["agent"]);
  const inputsOf = (kind: string) => list(inputs[kind]).map((input) => Object.assign({ interval }, input));
  const servers = [
    ...modbusInputs(inputsOf("modbus"), findings),
    ...["opcua", "opcua_listener"].flatMap((kind) =>
      inputsOf(kind).flatMap((input, at) => opcUaInput(input, `inputs.${kind}[${at}]`, findings)),
    ),
  ];
  const names = new UniqueNames();
  const named = servers.map((server) => Object.assign({}, server, { alias: names.take(server.alias) }));
  for (const input of Object.keys(inputs)) {
    if (!["modbus", "opcua", "opcua_listener"].includes(input))
      findings.leaveOut(`inputs.${input}`, "is no input of a plant");
  }
  for (const kind of ["processors", "aggregators"]) {
    for (const name of Object.keys(record(file[kind])))
      findings.leaveOut(`${kind}.${name}`, "values are published as they are read, and not changed on their way");
  }
  return { servers: named, leftOut: findings.leftOut, notes: findings.notes };
}

function modbusInputs(inputs: readonly Fields[], findings: Findings) {
  return inputs.flatMap((input, at) => {
    const where = `inputs.modbus[${at}]`;
    const controller = text(input["controller"]);
    const [, host, port] = /^tcp:\/\/(\[[^\]]*\]|[^:/]*)(?::(\d+))?/.exec(controller) ?? [];
    const mode = text(input["transmission_mode"]);
    if (host === undefined) {
      findings.leaveOut(where, `controller "${controller}" is no Modbus TCP device`);
      return [];
    }
    const isRtu = /^rtuovertcp$/i.test(mode);
    if (mode !== "" && !isRtu && !/^(tcp|auto)$/i.test(mode)) {
      findings.leaveOut(where, `transmission_mode "${mode}" has no counterpart`);
      return [];
    }
    tellOthers(input, where, findings);
    const server = text(input["name"]) || host;
    const placed = endpointsOf(input, where, findings).map(({ endpoint, unitId }): PlacedEndpoint => ({
      endpoint,
      server,
      host,
      port: port ?? "502",
      unitId,
    }));
    if (placed.length === 0) findings.leaveOut(where, "has no point that can be read");
    const workarounds = record(input["workarounds"]);
    const settings = {
      framing: isRtu ? "rtu" : undefined,
      interval: seconds(input["interval"]),
      timeout: seconds(input["timeout"]),
      pauseBetweenRequests: seconds(workarounds["pause_between_requests"]),
      pauseAfterConnect: seconds(workarounds["pause_after_connect"]),
      maxGap: largestFill(list(input["request"])),
    };
    for (const name of Object.keys(workarounds)) {
      if (!knownWorkarounds.has(name)) findings.leaveOut(`${where}.workarounds`, `${name} has no counterpart`);
    }
    const drafts = modbusServers(placed, {}, findings);
    return drafts.map((draft) => Object.assign({}, draft, { settings: { ...draft.settings, ...settings } }));
  });
}

interface OfUnit {
  readonly endpoint: EndpointDraft;
  readonly unitId: string;
}

function endpointsOf(input: Fields, where: string, findings: Findings): readonly OfUnit[] {
  const found: OfUnit[] = [];
  const unitIdOf = (from: Fields): string => text(from["slave_id"]) || text(input["slave_id"]);
  const textForm = textForms[text(record(input["workarounds"])["string_register_location"])] ?? {};
  const add = (field: Fields, place: string, functionCode: ReadFunction | undefined, from: Fields): void => {
    if (field["omit"] === true) return;
    tellOthers(field, place, findings, silentOfField);
    const name = text(field["name"]);
    const endpoint = endpointOf(field, functionCode, text(field["byte_order"]) || text(from["byte_order"]));
    if (typeof endpoint !== "string") tellScaling(field, endpoint, place, findings);
    if (typeof endpoint === "string") findings.leaveOut(place, `"${name}": ${endpoint}`);
    else if (endpoint.settings["dataType"] === "String")
      found.push({
        endpoint: { ...endpoint, settings: { ...endpoint.settings, ...textForm } },
        unitId: unitIdOf(from),
      });
    else found.push({ endpoint, unitId: unitIdOf(from) });
  };
  for (const [key, functionCode] of Object.entries(registerLists)) {
    for (const [at, field] of list(input[key]).entries()) add(field, `${where}.${key}[${at}]`, functionCode, input);
  }
  for (const style of ["request", "metric"]) {
    for (const [at, group] of list(input[style]).entries()) {
      tellOthers(group, `${where}.${style}[${at}]`, findings, silentOfRequest);
      for (const [index, field] of list(group["fields"]).entries()) {
        const register = text(field["register"]) || text(group["register"]) || "holding";
        add(field, `${where}.${style}[${at}].fields[${index}]`, registerNames[register], group);
      }
    }
  }
  return found;
}

/** What becomes of the scale of a field. */
function tellScaling(field: Fields, { name, settings }: EndpointDraft, where: string, findings: Findings): void {
  const { scale, output } = field;
  if (scale !== undefined && number(scale) === undefined)
    findings.leaveOut(where, `the scale of "${name}" is no number; the raw value is published`);
  else if (settings["scale"] === undefined && isScale(number(scale)))
    findings.leaveOut(where, `the scale of "${name}": a single bit and a text have none`);
  const isFraction = settings["scale"] !== undefined || /^(?:Float|Double)/.test(settings["dataType"] ?? "");
  if (/^u?int/i.test(text(output)) && isFraction)
    findings.leaveOut(where, `output ${text(output)} of "${name}": the decimal places are not cut off`);
}

function isScale(scale: number | undefined): scale is number {
  return scale !== undefined && scale !== 0 && scale !== 1;
}

/** Or why it cannot be one. */
function endpointOf(field: Fields, functionCode: ReadFunction | undefined, order: string): EndpointDraft | string {
  const addresses = Array.isArray(field["address"]) ? field["address"].map(Number) : [Number(field["address"])];
  const [address = Number.NaN] = addresses;
  if (functionCode === undefined) return `register "${text(field["register"])}" has no counterpart`;
  if (!Number.isInteger(address) || addresses.some((one, at) => one !== address + at))
    return "its addresses are not consecutive";
  const measurement = text(field["measurement"]);
  const common = { name: text(field["name"]), functionCode, address, description: measurement };
  if (common.name === "") return "it has no name";
  if (functionCode <= 2) return { ...common, quantity: 1, settings: {} };
  const typeName = (text(field["data_type"]) || text(field["type"]) || "UINT16").toUpperCase();
  const swapped = wordOrder(order || "ABCD");
  if (swapped === undefined) return `byte_order "${order}" has no counterpart`;
  if (typeName === "BIT") {
    const bit = Number(field["bit"] ?? 0);
    if (!(Number.isInteger(bit) && bit >= 0 && bit <= 15)) return `bit ${text(field["bit"])} is none of a register`;
    return { ...common, quantity: 1, bit, settings: { wordOrder: swapped === "ABCD" ? undefined : swapped } };
  }
  const isAlone = !Array.isArray(field["address"]);
  const type =
    (isAlone ? typesByName[typeName] : undefined) ?? typeOf(typeName, addresses.length, number(field["length"]));
  if (type === undefined) return `type "${typeName}" has no counterpart`;
  const scale = number(field["scale"]);
  return {
    ...common,
    quantity: type.registers,
    settings: {
      dataType: type.dataType,
      half: type.half,
      wordOrder: swapped === "ABCD" ? undefined : swapped,
      scale: isScale(scale) && type.dataType !== "String" ? String(scale) : undefined,
    },
  };
}

function typeOf(name: string, addresses: number, length: number | undefined): NumberType | undefined {
  if (name === "STRING") return { dataType: "String", registers: length ?? addresses };
  const isSigned = name === "FIXED";
  if (isSigned || name === "UFIXED" || name === "FLOAT32") {
    const bits = addresses * 16;
    const isWhole = addresses === 1 || addresses === 2 || addresses === 4;
    return isWhole ? { dataType: `${isSigned ? "" : "U"}Int${bits}`, registers: addresses } : undefined;
  }
  return types[name];
}

/** One that listens subscribes; the other reads. */
function opcUaInput(input: Fields, where: string, findings: Findings): readonly OpcUaDraft[] {
  const listens = where.startsWith("inputs.opcua_listener");
  const url = text(input["endpoint"]);
  tellOthers(input, where, findings);
  const groups = [{ ...input, isInput: true }, ...list(input["group"])] as readonly Fields[];
  for (const [at, group] of list(input["group"]).entries())
    tellOthers(group, `${where}.group[${at}]`, findings, silentOfNode);
  const nodes = groups.flatMap((group, index) =>
    list(group["nodes"]).flatMap((node, place) => {
      const groupName = index === 0 ? "" : `.group[${index - 1}]`;
      const nodeWhere = `${where}${groupName}.nodes[${place}]`;
      const draft = nodeOf(node, group);
      if (draft === undefined) {
        findings.leaveOut(nodeWhere, `"${text(node["name"])}" has no node id that can be read`);
        return [];
      }
      tellOthers(node, nodeWhere, findings, silentOfNode);
      const settings = listens ? monitoringOfNode(node, group, nodeWhere, findings) : {};
      return Object.assign({}, draft, typeOfMonitored(settings, findings));
    }),
  );
  if (nodes.length === 0) {
    findings.leaveOut(where, "has no node");
    return [];
  }
  const username = text(input["username"]) || undefined;
  const wanted = { policy: text(input["security_policy"]), mode: text(input["security_mode"]) };
  return [
    {
      protocol: "opcua",
      alias:
        text(input["name_override"]) || text(input["name"]) || url.replace(/^opc\.tcp:\/\//, "").replace(/[:/].*$/, ""),
      url,
      ...securityOf(wanted, findings),
      username,
      settings: {
        interval: seconds(input[listens ? "subscription_interval" : "interval"]),
        timeout: seconds(input["request_timeout"]),
        acquisition: listens ? "subscribe" : undefined,
      },
      nodes,
    },
  ];
}

function nodeOf(node: Fields, group: Fields): NodeDraft | undefined {
  const namespace = text(node["namespace"]) || text(group["namespace"]);
  const type = text(node["identifier_type"]) || text(group["identifier_type"]);
  const id = parseNodeId(text(node["id"]) || `ns=${namespace || "0"};${type || "s"}=${text(node["identifier"])}`);
  if (id === undefined) return undefined;
  return { ...id, name: text(node["name"]) || id.identifier, dataType: "Variant", description: "", settings: {} };
}

function monitoringOfNode(node: Fields, group: Fields, where: string, findings: Findings): Settings {
  const params = record(node["monitoring_params"]);
  const filter = record(params["data_change_filter"]);
  const sampling = text(params["sampling_interval"]) || text(group["sampling_interval"]);
  if (params["discard_oldest"] === false) findings.leaveOut(where, "discard_oldest false has no counterpart");
  return monitoringOf(
    {
      samplingInterval: sampling === "" ? undefined : Number(seconds(sampling) ?? 0),
      queueSize: number(params["queue_size"]),
      trigger: text(filter["trigger"]) || (params["data_change_filter"] === undefined ? "" : "Status"),
      deadbandType: text(filter["deadband_type"]),
      deadband: number(filter["deadband_value"]),
    },
    where,
    findings,
  );
}

/** Registers between two fields that a request with this optimisation includes; undefined: there is none. */
function largestFill(requests: readonly Fields[]): string | undefined {
  const fills = requests
    .filter((request) => text(request["optimization"]) === "max_insert")
    .map((request) => number(request["optimization_max_register_fill"]) ?? defaultFill);
  return fills.length === 0 ? undefined : String(Math.max(...fills));
}

/** "500ms", "1m30s", "1d", or a plain number of seconds; undefined: not said, or zero. */
function seconds(value: unknown): string | undefined {
  const units: Readonly<Record<string, number>> = { us: 0.000_001, ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
  const parts = [...text(value).matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d|$)/g)];
  const total = parts.reduce((sum, [, amount, unit = "s"]) => sum + Number(amount) * (units[unit] ?? 1), 0);
  return total === 0 ? undefined : String(Number(total.toFixed(6)));
}

function tellOthers(input: Fields, where: string, findings: Findings, known: ReadonlySet<string> = silent): void {
  for (const key of Object.keys(input)) if (!known.has(key)) findings.leaveOut(where, `${key} has no counterpart`);
}
