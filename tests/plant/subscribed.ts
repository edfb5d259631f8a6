// A subscribed OPC UA source that runs without a partition: what it publishes is kept, publication by publication.

import { DataType, StatusCodes, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import type {
  OpcUaItem,
  OpcUaNode,
  OpcUaServer,
} from "../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { OpcUaSource } from "../../packages/partition/src/protocols/opcua/opcua-source.ts";
import type { SubscriptionMemory } from "../../packages/partition/src/protocols/opcua/subscription/subscription-memory.ts";
import type { GroupReports, SessionReports } from "../../packages/partition/src/sources/source.ts";
import type { ServerError } from "../../packages/partition/src/sources/server-error.ts";
import { until } from "../until.ts";
import { configuredServer, nodeNamed } from "./opcua-points.ts";
import { RecordingSink } from "./recording-sink.ts";

export const plainItem: OpcUaItem = {
  samplingIntervalMs: undefined,
  queueSize: undefined,
  deadband: { kind: "Absolute", value: 0 },
  trigger: "StatusValue",
};

export function subscribedNode(
  name: string,
  item: Partial<OpcUaItem> = {},
  change: Partial<OpcUaNode> = {},
): OpcUaNode {
  return nodeNamed(name, { ...change, item: { ...plainItem, ...item } });
}

export function subscribedServer(url: string, change: Partial<OpcUaServer> = {}): OpcUaServer {
  return configuredServer(url, {
    intervalMs: 100,
    timeoutMs: 2000,
    retryIntervalMs: 300,
    subscription: { publishingIntervalMs: 50, quietCheckMs: 60_000 },
    ...change,
  });
}

/** Its values change when a test says so; servers sample such a variable when it changes. */
export function addSettable(server: OPCUAServer, name: string, first = 0): (value: number) => void {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  const variable = addressSpace.getOwnNamespace().addVariable({
    organizedBy: addressSpace.rootFolder.objects,
    nodeId: `s=${name}`,
    browseName: name,
    dataType: "Double",
    minimumSamplingInterval: 0,
  });
  const set = (value: number): void =>
    variable.setValueFromSource(new Variant({ dataType: DataType.Double, value }), StatusCodes.Good);
  set(first);
  return set;
}

/** Which item of a subscription of ours has this client handle, where the server has the first of them. */
export function itemAt(server: OPCUAServer, subscriptionId: number, clientHandle: number): number {
  const subscriptions = server.engine.getSessions().flatMap(({ publishEngine }) => publishEngine.subscriptions);
  const handles = subscriptions.find(({ id }) => id === subscriptionId)?.getMonitoredItems().clientHandles ?? [];
  return clientHandle - Math.min(...handles);
}

export class SubscribedSource {
  /** What each publication set. */
  readonly publications: RecordingSink[] = [];
  readonly failures: ServerError[] = [];
  readonly logged: string[] = [];
  /** Why the session ended; undefined: it has not. */
  lost: unknown;
  readonly source: OpcUaSource;
  #stop = new AbortController();
  #run: Promise<void> | undefined;

  constructor(server: OpcUaServer, directory: string, subscriptions?: SubscriptionMemory) {
    this.source = new OpcUaSource(server, {
      directory,
      log: (level, message) => void this.logged.push(`${level} ${message}`),
      ...(subscriptions === undefined ? {} : { subscriptions }),
    });
  }

  /** Connects once; what is lost stays lost. */
  async start(): Promise<this> {
    const group: GroupReports = {
      wantsAgain: undefined,
      publish: (fill) => {
        const sink = new RecordingSink();
        fill(sink);
        this.publications.push(sink);
        return () => true;
      },
      everyTick: () => Promise.reject(new TypeError("a subscribed group is not polled")),
    };
    const reports: SessionReports = {
      alive: () => {},
      failed: (error) => void this.failures.push(error),
      groups: [group],
    };
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const session = await this.source.connect(signal);
    this.lost = undefined;
    this.#run = (async () => {
      try {
        await session.run(reports, signal);
      } catch (error) {
        this.lost = error;
      }
      await session.close();
    })();
    return this;
  }

  async ended(): Promise<unknown> {
    await this.#run;
    return this.lost;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }

  /** Every value of a point so far, in order. */
  values(index: number): unknown[] {
    return this.publications.flatMap((sink) => (sink.values.has(index) ? [sink.values.get(index)?.value] : []));
  }

  /** What a reader would see now. */
  status(index: number): number | undefined {
    return this.publications.findLast((sink) => sink.statuses.has(index))?.statuses.get(index);
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    await until(`${what}; lost: ${String(this.lost)}; ${this.logged.join(" | ")}`, holds);
  }
}
