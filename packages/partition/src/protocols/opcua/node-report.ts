// Tells the log which nodes a server refuses to be read: each node once, many of them in one record.

import { statusName } from "@cpc-partition/image/values/status-name";
import { valueText } from "./configuration/opc-ua-point.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import type { Log } from "@cpc-partition/process/log";

/** A server may open sessions before its address space is complete. */
const POLLS_BEFORE_TOLD = 3;
const MOST_NODES = 10;

/** What says something of the configuration, and not of the state of the plant (OPC 10000-6, A.2). */
const remedies: ReadonlyMap<number, string> = new Map([
  [0x80330000, "the server cannot have such a node id; check <Identifier>"],
  [0x80340000, "the server has no such node; check <Identifier> and the namespace"],
  [0x80350000, "the node has no value; check whether <Identifier> names the variable and not its folder or object"],
  [0x80360000, "the server does not take such a range; check <IndexRange>"],
  [0x80370000, "the value has no element there; check <IndexRange>, or the index in <path>"],
  [0x806f0000, "the structure has no such member; check <path>"],
  [0x80740000, "the value is no structure, or no array, there; check <path>"],
  [0x80110000, "the server does not tell the type of the structure; it cannot be taken apart: remove <member>"],
  [0x803a0000, "the server lets nobody read the value; look at its configuration"],
  [0x801f0000, "our user may not read the value; check <username>, and the rights of that user at the server"],
]);

export class NodeReport {
  readonly #server: OpcUaServer;
  readonly #log: Log;
  readonly #logged = new Set<number>();
  /** Polls in a row that refused each node. */
  #refusals = new Map<number, number>();
  #refusalsNow = new Map<number, number>();
  readonly #reasons = new Map<number, string>();

  constructor(server: OpcUaServer, log: Log) {
    this.#server = server;
    this.#log = log;
  }

  /** The server's answer for the node at `index` of the configuration was bad. */
  refused(index: number, status: number): void {
    const remedy = remedies.get(status);
    if (remedy !== undefined) this.#count(index, `${statusName(status)}, ${remedy}`);
  }

  namespaceMissing(index: number): void {
    this.#count(index, "the server has no namespace with this URI; check <NamespaceUri>");
  }

  #count(index: number, reason: string): void {
    if (this.#logged.has(index)) return;
    this.#refusalsNow.set(index, (this.#refusals.get(index) ?? 0) + 1);
    this.#reasons.set(index, reason);
  }

  /** After each poll. */
  tell(): void {
    if (this.#refusals.size + this.#refusalsNow.size === 0) return;
    this.#refusals = this.#refusalsNow;
    this.#refusalsNow = new Map();
    const news = Array.from(this.#refusals)
      .filter(([, polls]) => polls >= POLLS_BEFORE_TOLD)
      .map(([index]) => index);
    if (news.length === 0) return;
    const byReason = Map.groupBy(news, (index) => this.#reasons.get(index) ?? "");
    const parts = Array.from(byReason, ([reason, indices]) => {
      const shown = indices.slice(0, MOST_NODES).flatMap((index) => {
        const node = this.#server.nodes[index];
        return node === undefined ? [] : [`${valueText(node)} "${node.displayName}"`];
      });
      const others = indices.length > MOST_NODES ? ` and ${indices.length - MOST_NODES} others` : "";
      return `${shown.join(", ")}${others}: ${reason}`;
    });
    for (const index of news) {
      this.#logged.add(index);
      this.#reasons.delete(index);
    }
    const message = `the server refuses the values of ${parts.join(" | ")}`;
    this.#log("warn", message, { server: this.#server.alias, points: news.length });
  }
}
