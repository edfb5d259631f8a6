import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { forkSimulatedPlant } from "../../packages/simulator/src/forked-plant.ts";
import { ModbusDevice } from "../../packages/simulator/src/modbus-device.ts";
import {
  modbusConfiguration,
  modbusPoint,
  modbusServer,
  opcUaConfiguration,
  opcUaNode,
  opcUaServer,
} from "../plant/plant-configuration.ts";

const modbus = modbusConfiguration(modbusServer("A", { points: [modbusPoint("Druck")] }));
const opcua = opcUaConfiguration(opcUaServer("Anlage", { nodes: [opcUaNode("Druck")] }));

describe("simulated plant in a process of its own", { timeout: 200_000 }, () => {
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "cpc-plant-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  it("tells where it is, answers there, and is gone after stop", async () => {
    const plant = await forkSimulatedPlant({ modbus, opcua, directory: mkdtempSync(join(directory, "a-")) });
    const [server] = plant.modbus.servers;
    assert.ok(server);
    assert.equal(server.intervalMs, undefined);
    assert.ok("intervalMs" in server, "what is undefined is still there on this side");
    const socket = connect(server.port, server.host);
    socket.write(Buffer.from("000100000006010300000001", "hex"));
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.equal(answer.toString("hex", 0, 9), "000100000005010302");
    assert.notEqual(plant.pid, process.pid);
    await Promise.all([once(socket, "close"), plant.stop()]);
    assert.throws(() => process.kill(plant.pid, 0), { code: "ESRCH" });
    await plant.stop(); // harmless
  });

  it("says why it cannot start, and leaves no process", async () => {
    const occupied = await ModbusDevice.listen({ table: () => 0 });
    await assert.rejects(
      forkSimulatedPlant({
        modbus,
        opcua: opcUaConfiguration(),
        directory: mkdtempSync(join(directory, "b-")),
        modbusPort: occupied.port,
      }),
      { code: "SimulatedPlantError", message: /^cannot start the simulated plant because .*EADDRINUSE/ },
    );
    await occupied.stop();
  });

  it("ends when its parent is killed", async () => {
    const parent = spawn(
      process.execPath,
      [fileURLToPath(new URL("forking-parent.ts", import.meta.url)), mkdtempSync(join(directory, "c-"))],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
    const { pid, port } = JSON.parse(line) as { pid: number; port: number };
    process.kill(pid, 0); // alive
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    parent.kill("SIGKILL");
    // The plant's end closes the connection; nothing else here would.
    socket.resume().on("error", () => {});
    await once(socket, "close");
  });
});
