// Modbus devices of born values for the soak, six in a process: `modbus-servers-process.ts PROCESS SEED`.
//
// One request in a hundred is answered with an exception (none that makes a client learn), some come slowly, and what is ordered.

import { setTimeout as pause } from "node:timers/promises";
import { bornBehaviour } from "../faults/born-modbus.ts";
import { Random } from "../fuzzing/random.ts";
import { exception, startDevice, type DeviceRequest, type RogueDevice } from "../plant/modbus-device.ts";
import { serversOf, type PlannedServer } from "./plan.ts";
import { errorOneIn, onOrder, report, slowMs, slowOneIn, type ServerOrder } from "./server-messages.ts";

const [process_ = "0", seed = "0"] = process.argv.slice(2);
const random = new Random(Number(seed), Number(process_));
const registersPerPoint = 4;
/** Illegal function, device failure, acknowledge, busy, parity error. */
const exceptionCodes = [1, 4, 5, 6, 8];

class SoakDevice {
  readonly plan: PlannedServer;
  #device: RogueDevice | undefined;
  #hangsUntilMs = 0;
  #lateByMs = 0;

  constructor(plan: PlannedServer) {
    this.plan = plan;
  }

  async start(port = 0): Promise<number> {
    const honest = bornBehaviour(this.plan.firstPlace);
    this.#device = await startDevice((request) => this.#answer(request, honest), port);
    return this.#device.port;
  }

  order(order: ServerOrder): void {
    if (order.kind === "hang") this.#hangsUntilMs = Date.now() + order.forMs;
    if (order.kind === "cut") this.#device?.dropAll();
    if (order.kind === "late") this.#lateByMs = order.byMs;
    if (order.kind === "restart") void this.#restart(order.downMs);
  }

  async #restart(downMs: number): Promise<void> {
    const device = this.#device;
    if (device === undefined) return;
    await device.close();
    await pause(downMs);
    await this.start(device.port);
  }

  #answer(request: DeviceRequest, honest: (request: DeviceRequest) => Buffer | undefined): Buffer | undefined {
    // The device remembers what it got; nobody asks it here.
    if (this.#device !== undefined) this.#device.requests.length = this.#device.received.length = 0;
    if (Date.now() < this.#hangsUntilMs) return undefined;
    const delayMs = this.#delayMs();
    if (delayMs === 0) return this.#reply(request, honest);
    setTimeout(() => {
      const reply = this.#reply(request, honest);
      if (reply !== undefined && !request.socket.destroyed) request.socket.write(reply);
    }, delayMs);
    return undefined;
  }

  #delayMs(): number {
    const lateMs = this.#lateByMs;
    this.#lateByMs = 0;
    if (lateMs === 0) return random.oneIn(slowOneIn) ? slowMs : 0;
    report({ kind: "late", server: this.plan.alias, atMs: Date.now() });
    return lateMs;
  }

  #reply(request: DeviceRequest, honest: (request: DeviceRequest) => Buffer | undefined): Buffer | undefined {
    if (!random.oneIn(errorOneIn)) return honest(request);
    const first = request.address / registersPerPoint;
    const points = Array.from({ length: request.quantity / registersPerPoint }, (_, index) => first + index);
    const code = random.pick(exceptionCodes);
    report({ kind: "injected", server: this.plan.alias, atMs: Date.now(), points, what: `exception ${code}` });
    return exception(request, code);
  }
}

const devices = serversOf("modbus", Number(process_)).map((plan) => new SoakDevice(plan));
const ports = await Promise.all(devices.map(async (device) => [device.plan.alias, await device.start()] as const));
onOrder((order) => devices.find(({ plan }) => plan.alias === order.server)?.order(order));
report({ kind: "listening", ports: Object.fromEntries(ports) });
