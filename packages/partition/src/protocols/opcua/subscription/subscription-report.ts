// What the log says about the subscriptions of one server: each thing once, however often the server is connected.

import { statusName } from "@cpc-partition/image/values/status-name";
import { valueText } from "../configuration/opc-ua-point.ts";
import type { OpcUaServer } from "../configuration/opc-ua-server.ts";
import type { Log } from "@cpc-partition/process/log";

const mostNodes = 10;

export class SubscriptionReport {
  readonly #server: OpcUaServer;
  readonly #log: Log;
  readonly #logged = new Set<string>();

  constructor(server: OpcUaServer, log: Log) {
    this.#server = server;
    this.#log = log;
  }

  /** Indexes of nodes whose deadband the server has refused. */
  unfiltered(nodes: readonly number[]): void {
    const reason =
      "the server filters nothing there, or states no range for a percentage; remove <deadband> where that is meant";
    this.#logOnce("unfiltered", "info", `every change is sent of ${this.#names(nodes)}: ${reason}`, nodes.length);
  }

  /** Indexes of nodes that the server does not monitor. */
  refused(status: number, nodes: readonly number[]): void {
    const name = statusName(status);
    const consequence = `they are read at every interval, and asked for again every ${this.#server.retryIntervalMs / 1000} s`;
    this.#logOnce(
      name,
      "warn",
      `the server does not monitor ${this.#names(nodes)}: ${name}; ${consequence}`,
      nodes.length,
    );
  }

  neverReported(nodes: readonly number[]): void {
    const consequence = "they are read at every interval, and subscribed to anew";
    this.#logOnce(
      "never",
      "warn",
      `the server accepted ${this.#names(nodes)} and reports no value; ${consequence}`,
      nodes.length,
    );
  }

  noClock(status: number): void {
    const message = `the server does not monitor its own clock (${statusName(status)}), so only keep-alives and <quietCheckInterval> show that it looks at its nodes`;
    this.#logOnce("clock", "info", message);
  }

  tookOver(messages: number): void {
    const message = `took over the subscription of the connection before, with ${messages} messages that the server had kept`;
    this.#log("info", message, { server: this.#server.alias });
  }

  madeAnew(reason: string): void {
    const message = `subscribes anew because the server does not hand over the subscription of before (${reason}); what changed and changed back in between is lost`;
    this.#log("info", message, { server: this.#server.alias });
  }

  #logOnce(what: string, level: "info" | "warn", message: string, points?: number): void {
    if (this.#logged.has(what)) return;
    this.#logged.add(what);
    this.#log(level, message, { server: this.#server.alias, ...(points === undefined ? {} : { points }) });
  }

  #names(nodes: readonly number[]): string {
    const shown = nodes.slice(0, mostNodes).flatMap((index) => {
      const node = this.#server.nodes[index];
      return node === undefined ? [] : [`${valueText(node)} "${node.displayName}"`];
    });
    const others = nodes.length > mostNodes ? ` and ${nodes.length - mostNodes} others` : "";
    return `${shown.join(", ")}${others}`;
  }
}
