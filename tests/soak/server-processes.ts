// The processes that the soak's servers live in: started, ordered about, killed, stopped, started again at the same ports.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { processesOf, serversOf, type PlannedServer, type Protocol } from "./plan.ts";
import type { ServerOrder, ServerReport } from "./server-messages.ts";

const entries: Readonly<Record<Protocol, URL>> = {
  modbus: new URL("./modbus-servers-process.ts", import.meta.url),
  opcua: new URL("./opcua-servers-process.ts", import.meta.url),
};

export class ServerProcesses {
  /** By alias. */
  readonly ports = new Map<string, number>();
  readonly #renewed = new Map<ChildProcess, number>();
  readonly #children = new Map<string, ChildProcess>();
  readonly #seed: number;
  readonly #folder: string;
  readonly #listener: (report: ServerReport) => void;
  readonly #lateReplies = new Map<string, () => void>();

  /** `folder` has the certificate of the OPC UA servers. */
  constructor(seed: number, folder: string, listener: (report: ServerReport) => void) {
    this.#seed = seed;
    this.#folder = folder;
    this.#listener = listener;
  }

  async startAll(): Promise<void> {
    for (const protocol of ["modbus", "opcua"] as const)
      for (let process = 0; process < processesOf(protocol); process++) await this.start(protocol, process);
  }

  async start(protocol: Protocol, process: number): Promise<void> {
    const ports = serversOf(protocol, process).map(({ alias }) => this.ports.get(alias) ?? 0);
    const parameters = [process, this.#seed, this.#folder, ...ports].map(String);
    const child = fork(entries[protocol], parameters, {
      detached: true,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#children.set(`${protocol} ${process}`, child);
    const isListening = Promise.withResolvers<void>();
    child.on("message", (message) => {
      const report = message as ServerReport;
      if (report.kind === "renewed") this.#renewed.set(child, report.tokens);
      if (report.kind === "late") this.#lateReplies.get(report.server)?.();
      if (report.kind !== "listening") return this.#listener(report);
      for (const [alias, port] of Object.entries(report.ports)) this.ports.set(alias, port);
      isListening.resolve();
    });
    child.once("exit", () => isListening.reject(new TypeError(`the process of ${protocol} servers has ended`)));
    await isListening.promise;
  }

  order(server: PlannedServer, order: ServerOrder): void {
    this.#child(server.protocol, server.process).send(order);
  }

  /** The moment when a reply is due that will come late. */
  lateReply(server: PlannedServer): Promise<void> {
    return new Promise((resolve) => {
      this.#lateReplies.set(server.alias, resolve);
    });
  }

  /** In all processes that ever were. */
  get tokensRenewed(): number {
    return [...this.#renewed.values()].reduce((sum, tokens) => sum + tokens, 0);
  }

  signal(protocol: Protocol, process: number, signal: NodeJS.Signals): void {
    this.#child(protocol, process).kill(signal);
  }

  async kill(protocol: Protocol, process: number): Promise<void> {
    const child = this.#child(protocol, process);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async endAll(): Promise<void> {
    await Promise.all(
      [...this.#children.values()].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }),
    );
  }

  #child(protocol: Protocol, process: number): ChildProcess {
    const child = this.#children.get(`${protocol} ${process}`);
    if (child === undefined) throw new RangeError(`there is no process ${process} of ${protocol} servers`);
    return child;
  }
}
