// What an edge node publishes, as messages in order: births, data and deaths with their sequence numbers (Sparkplug 3.0, 5 and 6.4). It knows
// nothing of connections.
//
// A device is a server of the plant. While its connection is lost, or the partition does not run, the device is dead.

import type { PointChange, ServerBirth } from "../../observation/observed-change.ts";
import { serverElementOf, type ServerName } from "../../names.ts";
import type { MessageLimit } from "../message-limit.ts";
import type { Batch, DeliveryFigures } from "../output.ts";
import { DataType, encodePayload, mostMetricBytes, type Metric, type MetricValue } from "./payload.ts";
import { datatypeOf, describingProperties, metricValue, qualityProperties, timestampMs } from "./point-metric.ts";
import type { EdgeTopics } from "./topics.ts";

export interface EdgeMessage {
  readonly topic: string;
  readonly payload: Buffer;
}

export interface EdgeNodeSettings {
  readonly topics: EdgeTopics;
  readonly usesAliases: boolean;
  readonly takesCommands: boolean;
  readonly limit: MessageLimit;
  /** Of this connection. */
  readonly bdSeq: number;
  /** A value has another type than its birth, or none was born: the host needs births. */
  readonly birthsWanted: () => void;
}

interface KnownMetric {
  readonly name: string;
  readonly alias: number;
  readonly datatype: DataType;
  readonly point: PointChange["point"];
}

interface Device {
  readonly name: ServerName;
  isAlive: boolean;
  readonly metrics: Map<string, KnownMetric>;
}

export const rebirthMetric = "Node Control/Rebirth";

export class EdgeNode {
  readonly #settings: EdgeNodeSettings;
  /** By the elements of their servers. */
  readonly #devices = new Map<string, Device>();
  #seq = 0;
  #nextAlias = 1;
  #figures: DeliveryFigures = { queuedChanges: 0, queuedBytes: 0, droppedChanges: 0, lostChanges: 0 };

  constructor(settings: EdgeNodeSettings) {
    this.#settings = settings;
  }

  /** For the will, and for an orderly end. */
  static death(topics: EdgeTopics, bdSeq: number): EdgeMessage {
    const nowMs = Date.now();
    return { topic: topics.nodeDeath, payload: encodePayload(nowMs, undefined, [bdSeqMetric(bdSeq, nowMs)]) };
  }

  births(births: readonly ServerBirth[], scope: "all" | "changed"): readonly EdgeMessage[] {
    const messages: EdgeMessage[] = [];
    if (scope === "all") {
      for (const device of this.#devices.values()) device.isAlive = false;
      messages.push(this.#nodeBirth());
    }
    const born = new Set(births.map((birth) => serverElementOf(birth)));
    for (const birth of births) {
      const before = this.#devices.get(serverElementOf(birth));
      if (birth.isConnected) messages.push(this.#deviceBirth(birth));
      else {
        if (before?.isAlive === true) messages.push(this.#deviceDeath(birth));
        this.#remember(birth).isAlive = false;
      }
    }
    if (scope === "all")
      for (const element of this.#devices.keys()) if (!born.has(element)) this.#devices.delete(element);
    return messages;
  }

  data({ changes, kind, isRepeat }: Batch): readonly EdgeMessage[] {
    const byServer = Map.groupBy(changes, ({ point }) => serverElementOf(point));
    return Array.from(byServer.values(), (own) => {
      const [first] = own as [PointChange, ...PointChange[]];
      const device = this.#deviceOf(first.point);
      const strangers = own.filter(({ point }) => !device.metrics.has(point.key));
      for (const stranger of strangers) this.#know(device, stranger);
      // A host takes data of living devices, and of metrics in their births, only: so what is older than those gets a birth without values.
      const needsBirth = !device.isAlive || strangers.length > 0;
      const messages = needsBirth ? [this.#valuelessBirth(device)] : [];
      messages.push(...this.#deviceData(device, own, kind === "history", isRepeat));
      if (!device.isAlive) messages.push(this.#deviceDeath(device.name));
      else if (strangers.length > 0) this.#settings.birthsWanted();
      return messages;
    }).flat();
  }

  figures(figures: DeliveryFigures): readonly EdgeMessage[] {
    this.#figures = figures;
    const nowMs = Date.now();
    const payload = encodePayload(nowMs, this.#nextSeq(), figureMetrics(figures, nowMs));
    return [{ topic: this.#settings.topics.nodeData, payload }];
  }

  #nodeBirth(): EdgeMessage {
    const { topics, takesCommands, bdSeq } = this.#settings;
    this.#seq = 0;
    const nowMs = Date.now();
    const metrics = [
      bdSeqMetric(bdSeq, nowMs),
      // 6.4.17: it must be there; a bridge that takes no commands does not listen to it.
      plain(rebirthMetric, DataType.Boolean, false, nowMs, takesCommands ? [] : [["readOnly", true]]),
      ...figureMetrics(this.#figures, nowMs),
    ];
    return { topic: topics.nodeBirth, payload: encodePayload(nowMs, this.#nextSeq(), metrics) };
  }

  #deviceBirth(birth: ServerBirth): EdgeMessage {
    const device = this.#remember(birth);
    device.isAlive = true;
    const current = birth.values.map((value) => this.#fitting(value, (change) => this.#bornMetric(device, change)));
    const born = new Set(birth.values.map(({ point }) => point.key));
    const rest = [...device.metrics].flatMap(([key, metric]) => (born.has(key) ? [] : [valueless(metric)]));
    return this.#message(this.#settings.topics.deviceBirth(birth), [...current, ...rest]);
  }

  #valuelessBirth(device: Device): EdgeMessage {
    return this.#message(
      this.#settings.topics.deviceBirth(device.name),
      Array.from(device.metrics.values(), (metric) => valueless(metric)),
    );
  }

  #deviceDeath(server: ServerName): EdgeMessage {
    return this.#message(this.#settings.topics.deviceDeath(server), []);
  }

  #deviceData(device: Device, changes: readonly PointChange[], isHistorical: boolean, isRepeat: boolean) {
    const { usesAliases, limit, topics } = this.#settings;
    const repeat = isRepeat ? ([["possibleRepeat", true]] as const) : [];
    const metricOf = (known: KnownMetric, change: PointChange): Metric => {
      const datatype = datatypeOf(change) ?? known.datatype;
      const value = metricValue(change, datatype);
      if (datatype !== known.datatype && value !== null) this.#settings.birthsWanted();
      return {
        name: usesAliases ? undefined : known.name,
        alias: usesAliases ? known.alias : undefined,
        timestampMs: timestampMs(change),
        datatype: value === null ? known.datatype : datatype,
        isHistorical,
        properties: [...qualityProperties(change.status), ...repeat],
        value,
      };
    };
    const metrics = changes.flatMap((change): readonly Metric[] => {
      const known = device.metrics.get(change.point.key);
      return known === undefined ? [] : [this.#fitting(change, (one) => metricOf(known, one))];
    });
    const topic = topics.deviceData(device.name);
    return Array.from(limit.parts(metrics, mostMetricBytes), (part) => this.#message(topic, part));
  }

  #bornMetric(device: Device, change: PointChange): Metric {
    const { name, alias, datatype } = device.metrics.get(change.point.key) ?? this.#know(device, change);
    return {
      name,
      alias: this.#settings.usesAliases ? alias : undefined,
      timestampMs: timestampMs(change),
      datatype,
      isHistorical: false,
      properties: [...describingProperties(change.point), ...qualityProperties(change.status)],
      value: metricValue(change, datatype),
    };
  }

  /** The device as this birth has it. Metrics that only older changes have stay until the connection ends. */
  #remember(birth: ServerBirth): Device {
    const device = this.#deviceOf(birth);
    for (const value of birth.values) this.#know(device, value);
    return device;
  }

  #deviceOf({ service, server }: ServerName): Device {
    const element = serverElementOf({ service, server });
    let device = this.#devices.get(element);
    if (device === undefined) {
      device = { name: { service, server }, isAlive: false, metrics: new Map<string, KnownMetric>() };
      this.#devices.set(element, device);
    }
    return device;
  }

  #know(device: Device, change: PointChange): KnownMetric {
    const { key } = change.point;
    const before = device.metrics.get(key);
    const known = {
      name: metricName(change.point),
      alias: before?.alias ?? this.#nextAlias++,
      datatype: datatypeOf(change) ?? before?.datatype ?? DataType.String,
      point: change.point,
    };
    device.metrics.set(key, known);
    return known;
  }

  #fitting(change: PointChange, metricOf: (change: PointChange) => Metric): Metric {
    const { limit } = this.#settings;
    const metric = metricOf(change);
    return mostMetricBytes(metric) <= limit.mostBytes ? metric : metricOf(limit.withoutValue(change));
  }

  #message(topic: string, metrics: readonly Metric[]): EdgeMessage {
    return { topic, payload: encodePayload(Date.now(), this.#nextSeq(), metrics) };
  }

  #nextSeq(): number {
    const seq = this.#seq;
    this.#seq = (seq + 1) % 256;
    return seq;
  }
}

/** Every key of Modbus begins with its server, which the device says already. One of OPC UA may look like that by chance. */
export function metricName({ service, server, key }: PointChange["point"]): string {
  const prefix = `${server}: `;
  return service === "modbus" && key.startsWith(prefix) && key.length > prefix.length ? key.slice(prefix.length) : key;
}

function valueless({ name, alias, datatype, point }: KnownMetric): Metric {
  return {
    name,
    alias,
    timestampMs: Date.now(),
    datatype,
    isHistorical: false,
    properties: [...describingProperties(point), ["Quality", 500]],
    value: null,
  };
}

function bdSeqMetric(bdSeq: number, nowMs: number): Metric {
  return plain("bdSeq", DataType.Int64, BigInt(bdSeq), nowMs);
}

function figureMetrics(figures: DeliveryFigures, nowMs: number): readonly Metric[] {
  const { queuedChanges, queuedBytes, droppedChanges, lostChanges } = figures;
  return [
    plain("Bridge/Queued changes", DataType.Int64, BigInt(queuedChanges), nowMs),
    plain("Bridge/Queued bytes", DataType.Int64, BigInt(queuedBytes), nowMs),
    plain("Bridge/Dropped changes", DataType.Int64, BigInt(droppedChanges), nowMs),
    plain("Bridge/Lost changes", DataType.Int64, BigInt(lostChanges), nowMs),
  ];
}

function plain(
  name: string,
  datatype: DataType,
  value: MetricValue,
  timestamp: number,
  properties: Metric["properties"] = [],
): Metric {
  return { name, alias: undefined, timestampMs: timestamp, datatype, isHistorical: false, properties, value };
}
