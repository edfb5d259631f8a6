// A program that forks a plant, says where it is in one line of JSON, and then does nothing until it is killed.

import { forkSimulatedPlant } from "../../packages/simulator/src/forked-plant.ts";
import { modbusConfiguration, modbusPoint, modbusServer, opcUaConfiguration } from "../plant/plant-configuration.ts";

const plant = await forkSimulatedPlant({
  modbus: modbusConfiguration(modbusServer("A", { points: [modbusPoint("Druck")] })),
  opcua: opcUaConfiguration(),
  directory: process.argv[2] ?? "",
});
process.stdout.write(`${JSON.stringify({ pid: plant.pid, port: plant.modbus.servers[0]?.port })}\n`);
