// Neuron's configuration (JSON), as its HTTP API exports it: the drivers with their groups and tags in one tree, or in lists that name one another.

import { fold } from "../configuration/words.ts";
import {
  Findings,
  type EndpointDraft,
  type Imported,
  type NodeDraft,
  type OpcUaDraft,
  type ServerDraft,
} from "./draft.ts";
import { decimalText } from "./data-types.ts";
import { list, number, record, text, type Fields } from "./foreign-fields.ts";
import { parseNodeId } from "./node-id.ts";
import { ofNumber } from "./register-address.ts";
import { modbusServers, UniqueNames, withIntervals, type PlacedEndpoint } from "./servers.ts";
import { securityOf } from "./foreign-security.ts";

/** By the number that stands in `type`. */
const types: Readonly<Record<number, { readonly dataType: string; readonly registers: number }>> = {
  3: { dataType: "Int16", registers: 1 },
  4: { dataType: "UInt16", registers: 1 },
  5: { dataType: "Int32", registers: 2 },
  6: { dataType: "UInt32", registers: 2 },
  7: { dataType: "Int64", registers: 4 },
  8: { dataType: "UInt64", registers: 4 },
  9: { dataType: "Float", registers: 2 },
  10: { dataType: "Double", registers: 4 },
};
/** What says nothing about values, or is understood. Whatever else is set is named. */
const silentParams: ReadonlySet<string> = new Set(
  (
    "host port timeout interval address_base link connection_mode url username password max_retries retry_interval " +
    "device_degrade degrade_cycle degrade_time check_header"
  ).split(" "),
);
const defaultPauseMs = 20;
const bitType = 11;
const textType = 13;
const readBit = 1;
const staticBit = 8;

/** Behind `#` in an address. */
const orders: Readonly<Record<string, string>> = {
  L: "ABCD",
  B: "BADC",
  LL: "ABCD",
  LB: "BADC",
  BB: "CDAB",
  BL: "DCBA",
};
/** Behind the length of a text: which byte comes first, or in which byte of a register the one character stands. */
const textForms: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  H: {},
  L: { wordOrder: "BADC" },
  D: { wordOrder: "BADC", charactersPerRegister: "1" },
  E: { charactersPerRegister: "1" },
};

interface Driver {
  readonly name: string;
  readonly plugin: string;
  readonly params: Fields;
  readonly groups: readonly {
    readonly name: string;
    readonly intervalMs: number | undefined;
    readonly tags: readonly Fields[];
  }[];
}

export function importNeuron(json: string): Imported {
  const findings = new Findings();
  const names = new UniqueNames();
  const servers = driversOf(record(JSON.parse(json))).flatMap((driver): readonly ServerDraft[] => {
    const plugin = fold(driver.plugin);
    if (driver.groups.every(({ tags }) => tags.length === 0)) return [];
    if (driver.params["connection_mode"] === 1) {
      findings.leaveOut(
        `driver "${driver.name}"`,
        "the device connects to the program; the partition connects to devices",
      );
      return [];
    }
    tellParams(driver, findings);
    const drafts = plugin.startsWith("modbustcp")
      ? modbusDriver(driver, findings)
      : plugin.startsWith("modbusrtu") && driver.params["link"] === 1
        ? modbusDriver(driver, findings).map((draft) => withFraming(draft))
        : plugin.startsWith("opcua")
          ? opcUaDriver(driver, findings)
          : [];
    if (drafts.length === 0)
      findings.leaveOut(
        `driver "${driver.name}"`,
        `plugin "${driver.plugin}" has no counterpart, or none of its tags can be read`,
      );
    return drafts.map((draft) => Object.assign({}, draft, { alias: names.take(draft.alias) }));
  });
  return { servers, leftOut: findings.leftOut, notes: findings.notes };
}

function driversOf(file: Fields): readonly Driver[] {
  const settings = new Map(list(file["settings"]).map((one) => [text(one["node"]), record(one["params"])]));
  const tagLists = list(file["tags"]);
  const groupsOf = (node: Fields): Driver["groups"] => {
    const name = text(node["name"]);
    const own = list(node["groups"]);
    const groups = own.length > 0 ? own : list(file["groups"]).filter((group) => text(group["driver"]) === name);
    return groups.map((group) => {
      const groupName = text(group["group"]) || text(group["name"]);
      const listed = tagLists.filter((one) => text(one["driver"]) === name && text(one["group"]) === groupName);
      const tags = [...list(group["tags"]), ...listed.flatMap((one) => list(one["tags"]))];
      return { name: groupName, intervalMs: number(group["interval"]), tags };
    });
  };
  return list(file["nodes"]).map((node) => ({
    name: text(node["name"]),
    plugin: text(node["plugin"]),
    params: { ...settings.get(text(node["name"])), ...record(node["params"]) },
    groups: groupsOf(node),
  }));
}

function modbusDriver(driver: Driver, findings: Findings): readonly ServerDraft[] {
  const { name, params } = driver;
  const fromZero = text(params["address_base"]) === "0";
  const placed = tagsOf(driver, findings).flatMap(({ tag, where, interval }): readonly PlacedEndpoint[] => {
    const [, unitId = "", address = ""] = /^(\d{1,3})!(.+)$/.exec(text(tag["address"])) ?? [];
    const endpoint = endpointOf(tag, address, fromZero);
    if (typeof endpoint !== "string") tellScaling(tag, endpoint, where, findings);
    if (typeof endpoint === "string") {
      findings.leaveOut(where, `"${text(tag["name"])}": ${endpoint}`);
      return [];
    }
    const settings = { ...endpoint.settings, interval };
    return [
      {
        endpoint: { ...endpoint, settings },
        server: name,
        host: text(params["host"]),
        port: text(params["port"]),
        unitId,
      },
    ];
  });
  const pauseMs = number(params["interval"]) ?? 0;
  if (pauseMs === defaultPauseMs)
    findings.note(
      `the pause of ${defaultPauseMs} ms between requests, that program's default, was not taken over; <pauseBetweenRequests> makes one`,
    );
  const settings = {
    timeout: secondsOf(number(params["timeout"])),
    pauseBetweenRequests: pauseMs === defaultPauseMs ? undefined : secondsOf(pauseMs),
  };
  return modbusServers(placed, {}, findings).map((draft) =>
    withIntervals(Object.assign({}, draft, { settings: { ...draft.settings, ...settings } })),
  );
}

/** The factor or summand of a tag; undefined: none, or none that is a number. */
function decimalOf(tag: Fields, key: "decimal" | "bias"): string | undefined {
  const decimal = decimalText(text(tag[key]));
  return decimal === undefined || Number(decimal) === (key === "decimal" ? 1 : 0) || Number(decimal) === 0
    ? undefined
    : decimal;
}

/** What is not taken over of what makes the value of a tag. `endpoint` undefined: it is none. */
function tellScaling(tag: Fields, endpoint: EndpointDraft | undefined, where: string, findings: Findings): void {
  const name = text(tag["name"]);
  for (const [key, element] of [
    ["decimal", "scale"],
    ["bias", "bias"],
  ] as const) {
    const given = tag[key];
    const isNumber = given === undefined || given === null || decimalText(text(given)) !== undefined;
    if (!isNumber) findings.leaveOut(where, `${key} of "${name}" is no number; it is not applied`);
    else if (decimalOf(tag, key) !== undefined && endpoint?.settings[element] === undefined)
      findings.leaveOut(where, `${key} of "${name}": bits, texts and OPC UA values are published as they are`);
  }
  if ((number(tag["precision"]) ?? 0) > 0)
    findings.note("precision was not taken over: values are published with all their digits");
}

/** Or why it cannot be one. */
function endpointOf(tag: Fields, address: string, fromZero: boolean): EndpointDraft | string {
  const [, digits = "", bit, order, length, form = "H"] =
    /^(\d{5,6})(?:\.(\d{1,2}))?(?:#([LB]{1,2}))?(?:\.(\d+)([HLDE])?)?\.?$/.exec(
      // A text's length stands where a bit would.
      number(tag["type"]) === textType ? address.replace(/^(\d{5,6})\.(\d+)([HLDE]?)$/, "$1#LL.$2$3") : address,
    ) ?? [];
  const counted = fromZero ? String(Number(digits) + 1).padStart(digits.length, "0") : digits;
  const place = ofNumber(counted);
  if (place === undefined) return `address "${text(tag["address"])}" has no counterpart`;
  const common = { ...place, name: text(tag["name"]), description: text(tag["description"]) };
  if (place.functionCode <= 2) return { ...common, quantity: 1, settings: {} };
  const type = number(tag["type"]) ?? 0;
  const swapped = orders[order ?? "L"];
  if (type === bitType) {
    if (Number(bit ?? 0) > 15) return `bit ${bit} is none of a register`;
    const wordOrder = swapped === "BADC" || swapped === "DCBA" ? "BADC" : undefined;
    return { ...common, quantity: 1, bit: Number(bit ?? 0), settings: { wordOrder } };
  }
  // Without it the whole register would be published in place of its bit, or of its half.
  if (bit !== undefined) return `bit ${bit} of a register is of the type BIT (${bitType}), and this tag is not`;
  if (length !== undefined && type !== textType) return "only a text has a length";
  if (type === textType) {
    if (length === undefined) return "the text has no length";
    const isSingle = form === "D" || form === "E";
    const registers = isSingle ? Number(length) : Math.ceil(Number(length) / 2);
    return { ...common, quantity: registers, settings: { dataType: "String", ...textForms[form] } };
  }
  const known = types[type];
  if (known === undefined) return `type ${type} has no counterpart`;
  return {
    ...common,
    quantity: known.registers,
    settings: {
      dataType: known.dataType,
      wordOrder: swapped === "ABCD" ? undefined : swapped,
      scale: decimalOf(tag, "decimal"),
      bias: decimalOf(tag, "bias"),
    },
  };
}

function opcUaDriver(driver: Driver, findings: Findings): readonly ServerDraft[] {
  const { name, params } = driver;
  const nodes = tagsOf(driver, findings).flatMap(({ tag, where, interval }): readonly NodeDraft[] => {
    const [, namespace = "", identifier = ""] = /^(\d+)!(.+)$/s.exec(text(tag["address"])) ?? [];
    const id = parseNodeId(`ns=${namespace};${/^\d+$/.test(identifier) ? "i" : "s"}=${identifier}`);
    if (id === undefined) {
      findings.leaveOut(where, `"${text(tag["name"])}": address "${text(tag["address"])}" is no node id`);
      return [];
    }
    const dataType = types[number(tag["type"]) ?? 0]?.dataType ?? "Variant";
    tellScaling(tag, undefined, where, findings);
    return [
      { ...id, name: text(tag["name"]), dataType, description: text(tag["description"]), settings: { interval } },
    ];
  });
  if (nodes.length === 0) return [];
  return [
    withIntervals<OpcUaDraft>({
      protocol: "opcua",
      alias: name,
      url: text(params["url"]),
      ...securityOf({ policy: "", mode: "" }, findings),
      username: text(params["username"]) || undefined,
      settings: {},
      nodes,
    }),
  ];
}

function tagsOf({ name, groups }: Driver, findings: Findings) {
  return groups.flatMap((group) =>
    group.tags.flatMap((tag) => {
      const where = `driver "${name}", group "${group.name}"`;
      const attribute = number(tag["attribute"]) ?? readBit;
      if ((attribute & staticBit) !== 0)
        findings.leaveOut(where, `"${text(tag["name"])}" is a constant of the program`);
      else if ((attribute & readBit) === 0 && (attribute & 4) === 0)
        findings.leaveOut(where, `"${text(tag["name"])}" can only be written`);
      else return [{ tag, where, interval: secondsOf(group.intervalMs) }];
      return [];
    }),
  );
}

function withFraming(draft: ServerDraft): ServerDraft {
  return Object.assign({}, draft, { settings: { ...draft.settings, framing: "rtu" } });
}

function tellParams({ name, params }: Driver, findings: Findings): void {
  for (const [key, value] of Object.entries(params)) {
    if (!silentParams.has(key) && Boolean(value)) findings.leaveOut(`driver "${name}"`, `${key} has no counterpart`);
  }
}

function secondsOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined || milliseconds <= 0 ? undefined : String(milliseconds / 1000);
}
