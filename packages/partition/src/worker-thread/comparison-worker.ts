// The thread that compares the configuration of one service with its real servers, all of them at the same time, for `check --against`. Like the
// thread of a running service it loads one protocol, survives its library, and cannot listen.

import { parentPort, workerData } from "node:worker_threads";
import { monotonicMs } from "@cpc-partition/process/schedule";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ServiceConfiguration } from "../configuration/configuration.ts";
import { protocolNamed } from "../protocols/registry.ts";
import { compareSource, type ComparedServer } from "../sources/compare-source.ts";
import { neverListen } from "./never-listen.ts";
import { surviveFaultsOf } from "./library-faults.ts";

export interface ComparisonOrder {
  readonly service: ServiceName;
  readonly configuration: ServiceConfiguration;
  readonly intervalMs: number;
  readonly certificatesDirectory: string;
  /** Longest time for each server. */
  readonly withinMs: number;
}

export interface ComparisonMessage {
  /** Of the server in the configuration. */
  readonly index: number;
  readonly compared: ComparedServer;
  /** What a log would have had about the server. */
  readonly remarks: readonly string[];
}

const order = workerData as ComparisonOrder;
const protocol = protocolNamed(order.service);
const client = await protocol.loadClient();
client.prepareThread();
const remarks = new Map<unknown, string[]>();
const log = (level: string, message: string, { server }: Readonly<Record<string, unknown>> = {}): void => {
  if (level === "info" || level === "debug") return;
  remarks.set(server, [...(remarks.get(server) ?? []), message]);
};
neverListen(log);
if (client.faultyPackages !== undefined) surviveFaultsOf(client.faultyPackages, log);

const { intervalMs, certificatesDirectory, withinMs } = order;
const configuration = protocol.polled(order.configuration);
const sourceOf = client.sources({ log, certificatesDirectory, namesFile: undefined });
const stop = new AbortController();
parentPort?.once("message", () => stop.abort());
await Promise.all(
  configuration.servers.map(async (server, index) => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(withinMs)]);
    const { oddValueAdvice } = protocol;
    const compared = await compareSource(
      sourceOf(protocol.prepare(server, intervalMs)),
      { intervalMs, oddValueAdvice },
      signal,
      monotonicMs,
    );
    const message: ComparisonMessage = { index, compared, remarks: remarks.get(server.alias) ?? [] };
    parentPort?.postMessage(message);
  }),
);
parentPort?.close();
