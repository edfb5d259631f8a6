// `<acquisition>` of an OPC UA server, and what goes with a subscription: of the server as a whole, and of each node. What cannot work together
// is an error here, so that nobody finds it out at the plant.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { OpcUaItem, OpcUaNode, OpcUaSubscription } from "./opc-ua-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { quote } from "../../../configuration/problem.ts";

const defaultQuietCheckMs = 30_000;

const ofItem = ["samplingInterval", "queueSize", "deadband", "deadbandPercent", "trigger"] as const;
const ofSubscription = ["publishingInterval", "quietCheckInterval", ...ofItem] as const;

const noDeadband: OpcUaItem["deadband"] = { kind: "Absolute", value: 0 };
/** What a node that says nothing has. */
const plainItem: OpcUaItem = {
  samplingIntervalMs: undefined,
  queueSize: undefined,
  deadband: noDeadband,
  trigger: "StatusValue",
};

/** What the server's own elements say; undefined: all its nodes are polled. */
export interface Acquisition {
  /** What a node is that says nothing. */
  readonly isSubscribed: boolean;
  /** Of the server; undefined: the service's. */
  readonly intervalMs: number | undefined;
  readonly subscription: OpcUaSubscription;
  readonly item: OpcUaItem;
}

export function readAcquisition(fields: Fields): Acquisition | undefined {
  const isSubscribed = fields.token("acquisition") === "subscribe";
  const subscribed = subscribedNodes(fields);
  if (!isSubscribed && subscribed.length === 0) {
    refuseSettings(fields, ofSubscription);
    return undefined;
  }
  const intervalMs = fields.milliseconds("interval");
  const publishingIntervalMs = fields.milliseconds("publishingInterval");
  if (isSubscribed || subscribed.some((node) => !node.has("interval"))) checkInterval(fields, publishingIntervalMs);
  const quietCheckMs = fields.milliseconds("quietCheckInterval") ?? defaultQuietCheckMs;
  const item = readItem(fields, plainItem, true);
  checkQueue(fields, item, publishingIntervalMs ?? intervalMs);
  return { isSubscribed, intervalMs, subscription: { publishingIntervalMs, quietCheckMs }, item };
}

/** How a node is subscribed to; undefined: it is polled. */
export function readItemOf(
  fields: Fields,
  type: BuiltInType,
  acquisition: Acquisition | undefined,
): OpcUaItem | undefined {
  const own = fields.token("acquisition");
  if (acquisition === undefined || (own === undefined ? !acquisition.isSubscribed : own !== "subscribe")) {
    refuseSettings(fields, ofItem);
    return undefined;
  }
  const { publishingIntervalMs } = acquisition.subscription;
  checkInterval(fields, publishingIntervalMs);
  const takesDeadband = mayBeNumber(type);
  const item = readItem(fields, acquisition.item, takesDeadband);
  checkQueue(fields, item, publishingIntervalMs ?? fields.milliseconds("interval") ?? acquisition.intervalMs);
  if (takesDeadband || item.deadband.value === 0) return item;
  const element = deadbandElements.find((name) => fields.has(name)) ?? "";
  const name = quote(fields.text("DisplayName") ?? "");
  const [what, remedy] = fields.has("member")
    ? ["structure", ""]
    : [fields.token("datatype") ?? "", ", or correct <datatype>"];
  fields.findings.error(
    fields.lineOf(element),
    `<${element}> of ${name}: a ${what} has no range and does not move by an amount; remove <${element}>${remedy}`,
  );
  return { ...item, deadband: noDeadband };
}

/** Of a node; undefined: the server's. What the server sends is not older than it sends it, however fast the service polls others. */
export function readIntervalOf(
  fields: Fields,
  item: OpcUaItem | undefined,
  acquisition: Acquisition | undefined,
): number | undefined {
  const own = fields.milliseconds("interval");
  const isOfServer = item === undefined || acquisition?.isSubscribed === true || acquisition?.intervalMs !== undefined;
  return own ?? (isOfServer ? undefined : acquisition?.subscription.publishingIntervalMs);
}

/** A percentage works where the server states a range, which only the server tells. */
export function hintAtPercentages(fields: Fields, nodes: readonly OpcUaNode[]): void {
  const concerned = nodes.filter(
    ({ item, member }) => member === undefined && item?.deadband.kind === "Percent" && item.deadband.value > 0,
  );
  const [first] = concerned;
  if (first === undefined) return;
  const count = concerned.length === 1 ? "1 node" : `${concerned.length} nodes`;
  fields.findings.hint(
    fields.has("deadbandPercent") ? fields.lineOf("deadbandPercent") : first.location.line,
    `<deadbandPercent> of ${count} of ${quote(fields.text("alias") ?? "")} needs a range that the server states for the node (EURange), and every change is sent of one without; ` +
      "check --against tells which these are",
  );
}

/** A deadband that no node of the server could have is a mistake. */
export function checkDeadband(fields: Fields, nodes: readonly OpcUaNode[], acquisition: Acquisition | undefined): void {
  if (acquisition === undefined || acquisition.item.deadband.value === 0) return;
  if (nodes.some(({ type, item, member }) => item !== undefined && member === undefined && mayBeNumber(type))) return;
  const name = acquisition.item.deadband.kind === "Percent" ? "deadbandPercent" : "deadband";
  const line = fields.lineOf(name);
  fields.findings.error(
    line,
    `<${name}> is set, but no node of this server has a <datatype> that is a number; remove it`,
  );
}

const deadbandElements = ["deadband", "deadbandPercent"] as const;

/** By their own word. */
function subscribedNodes(fields: Fields): readonly Fields[] {
  const nodes = fields.child("nodes")?.list("node") ?? [];
  return nodes.filter((node) => node.token("acquisition") === "subscribe");
}

/** Of the server, or of a node with an interval of its own. */
function checkInterval(fields: Fields, publishingMs: number | undefined): void {
  const intervalMs = fields.milliseconds("interval");
  if (intervalMs === undefined || publishingMs === undefined || intervalMs >= publishingMs) return;
  const reason = "values cannot be newer than the server sends them";
  fields.findings.error(
    fields.lineOf("interval"),
    `<interval> is shorter than <publishingInterval> (${seconds(intervalMs)} and ${seconds(publishingMs)}), and ${reason}: lengthen it, or shorten <publishingInterval>`,
  );
}

/** `takesDeadband`: a deadband of the server is for its numbers. */
function readItem(fields: Fields, otherwise: OpcUaItem, takesDeadband: boolean): OpcUaItem {
  const trigger = (fields.token("trigger") as OpcUaItem["trigger"] | undefined) ?? otherwise.trigger;
  const deadband = readDeadband(fields) ?? (takesDeadband ? otherwise.deadband : noDeadband);
  const name = [...deadbandElements, "trigger"].find((element) => fields.has(element));
  // What the server alone says is told there.
  if (deadband.value > 0 && trigger === "Status" && name !== undefined) {
    fields.findings.error(
      fields.lineOf(name),
      "a deadband is about values, and with <trigger> Status no change of a value is sent; remove the deadband, or use StatusValue",
    );
  }
  return {
    samplingIntervalMs: fields.milliseconds("samplingInterval") ?? otherwise.samplingIntervalMs,
    queueSize: fields.number("queueSize") ?? otherwise.queueSize,
    deadband,
    trigger,
  };
}

function readDeadband(fields: Fields): OpcUaItem["deadband"] | undefined {
  const absolute = fields.number("deadband");
  const percent = fields.number("deadbandPercent");
  if (absolute !== undefined && percent !== undefined) {
    const message = "<deadband> and <deadbandPercent> are both given; keep one of the two";
    fields.findings.error(fields.lineOf("deadbandPercent"), message);
  }
  if (absolute !== undefined) return { kind: "Absolute", value: absolute };
  if (percent === 0) return noDeadband;
  return percent === undefined ? undefined : { kind: "Percent", value: percent };
}

/** Values that are found between two messages and have no place in the queue are lost: that should be meant. */
function checkQueue(fields: Fields, item: OpcUaItem, publishingMs: number | undefined): void {
  const { queueSize, samplingIntervalMs } = item;
  if (queueSize === undefined || publishingMs === undefined) return;
  if (samplingIntervalMs === undefined || samplingIntervalMs === 0) return;
  // What the server alone says is told there.
  const element = ["queueSize", "samplingInterval", "interval"].find((name) => fields.has(name));
  if (element === undefined) return;
  const found = Math.ceil(publishingMs / samplingIntervalMs);
  if (queueSize >= found) return;
  fields.findings.warn(
    fields.lineOf(element),
    `<queueSize> ${queueSize} has no room for the ${found} values that <samplingInterval> may find from one message to the next, so the oldest are lost; use ${found} or more`,
  );
}

function refuseSettings(fields: Fields, names: readonly string[]): void {
  const set = names.find((name) => fields.has(name));
  if (set === undefined) return;
  const remedy = "write <acquisition>subscribe</acquisition>, or remove it";
  fields.findings.error(fields.lineOf(set), `<${set}> is for subscriptions, and here values are polled; ${remedy}`);
}

/** Null: the file does not tell. */
function mayBeNumber(type: BuiltInType): boolean {
  return type === BuiltInType.Null || (type >= BuiltInType.SByte && type <= BuiltInType.Double);
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}
