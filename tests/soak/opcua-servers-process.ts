// OPC UA servers of born values for the soak, two in a process: `opcua-servers-process.ts PROCESS SEED FOLDER [PORT PORT]`. FOLDER has the
// servers' certificate, as `server.der` and `server.pem`.
//
// One value in a hundred is answered with a bad status, one request in a hundred with a service fault, some slowly, and what is ordered.
// Channel tokens live as long as the plan says.

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AttributeIds, DataValue, ServiceFault, StatusCodes, type StatusCode } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { addBornVariables } from "../faults/born-opcua.ts";
import { Random } from "../fuzzing/random.ts";
import { portOf, startServer } from "../plant/opcua-server.ts";
import { serversOf, type PlannedServer } from "./plan.ts";
import { errorOneIn, onOrder, report, slowMs, slowOneIn, type ServerOrder } from "./server-messages.ts";

type Channel = ReturnType<OPCUAServer["endpoints"][number]["getChannels"]>[number];

const [process_ = "0", seed = "0", folder = "", ...ports] = process.argv.slice(2);
const random = new Random(Number(seed), 1000 + Number(process_));
const certificate = { certificateFile: join(folder, "server.der"), privateKeyFile: join(folder, "server.pem") };
const badStatuses = [StatusCodes.BadSensorFailure, StatusCodes.BadOutOfService, StatusCodes.BadNoCommunication];
const faults = [StatusCodes.BadInternalError, StatusCodes.BadOutOfMemory, StatusCodes.BadResourceUnavailable];

class SoakServer {
  readonly plan: PlannedServer;
  readonly port: number;
  readonly #server: OPCUAServer;
  #lateByMs = 0;
  #tokens = 0;
  /** Requests that are to be answered with a service fault. */
  readonly #faulty = new WeakMap<object, StatusCode>();

  static async start(plan: PlannedServer, port: number): Promise<SoakServer> {
    const { server, url } = await startServer({
      folder: join(folder, plan.alias),
      certificate,
      port,
      tokenLifetimeMs: plan.tokenLifetimeMs,
      build: (made) => addBornVariables(made, plan.firstPlace, plan.points),
    });
    return new SoakServer(plan, server, portOf(url));
  }

  private constructor(plan: PlannedServer, server: OPCUAServer, port: number) {
    this.plan = plan;
    this.port = port;
    this.#server = server;
    this.#spoilReads();
    for (const endpoint of server.endpoints) {
      endpoint.on("newChannel", (channel: Channel) => {
        const send = channel.send_response.bind(channel);
        channel.send_response = (type, response, message, callback) => {
          const status = this.#faulty.get(message.request);
          const fault = status && new ServiceFault({ responseHeader: { serviceResult: status } });
          if (callback === undefined) send(type, fault ?? response, message);
          else send(type, fault ?? response, message, callback);
        };
      });
      endpoint.on("closeChannel", (channel: Channel) => (this.#tokens += Math.max(0, channel.securityTokenCount - 1)));
    }
  }

  order(order: ServerOrder): void {
    if (order.kind === "late") this.#lateByMs = order.byMs;
    if (order.kind === "cut") for (const endpoint of this.#server.endpoints) endpoint.abruptlyInterruptChannels();
  }

  /** Renewed so far. */
  get tokens(): number {
    const open = this.#server.endpoints.flatMap((endpoint) => endpoint.getChannels());
    return open.reduce((sum, channel) => sum + Math.max(0, channel.securityTokenCount - 1), this.#tokens);
  }

  #spoilReads(): void {
    const { engine } = this.#server;
    const { alias: server, points } = this.plan;
    const read = engine.read.bind(engine);
    engine.read = async (context, request) => {
      const nodes = request.nodesToRead ?? [];
      // What a client learns when it connects is left alone.
      if (nodes.length !== points || nodes[0]?.attributeId !== AttributeIds.Value) return await read(context, request);
      await pause(this.#delayMs());
      const results = await read(context, request);
      const all = Array.from({ length: points }, (_, point) => point);
      const atMs = Date.now();
      if (random.oneIn(errorOneIn)) {
        const status = random.pick(faults);
        this.#faulty.set(request, status);
        report({ kind: "injected", server, atMs, points: all, what: "service fault" });
        return results;
      }
      const bad = all.filter(() => random.oneIn(errorOneIn));
      if (bad.length > 0) report({ kind: "injected", server, atMs, points: bad, what: "bad status" });
      return results.map((result, point) =>
        bad.includes(point) ? new DataValue({ statusCode: random.pick(badStatuses) }) : result,
      );
    };
  }

  #delayMs(): number {
    const lateMs = this.#lateByMs;
    this.#lateByMs = 0;
    if (lateMs === 0) return random.oneIn(slowOneIn) ? slowMs : 0;
    report({ kind: "late", server: this.plan.alias, atMs: Date.now() });
    return lateMs;
  }
}

const plans = serversOf("opcua", Number(process_));
const started: SoakServer[] = [];
for (const [index, plan] of plans.entries()) started.push(await SoakServer.start(plan, Number(ports[index] ?? 0)));
onOrder((order) => started.find(({ plan }) => plan.alias === order.server)?.order(order));
report({ kind: "listening", ports: Object.fromEntries(started.map(({ plan, port }) => [plan.alias, port])) });
setInterval(() => {
  report({ kind: "renewed", tokens: started.reduce((sum, { tokens }) => sum + tokens, 0) });
}, 5000);
