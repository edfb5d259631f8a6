// Polls COUNT holding registers of a device with modbus-serial: modbus-serial-client.ts MODULES PORT COUNT, where MODULES is the folder in which it is installed.

import { createRequire } from "node:module";
import { answerPolls, blocksOf } from "./polling.ts";

type ModbusSerial = new () => {
  connectTCP(host: string, options: { readonly port: number }): Promise<void>;
  setID(unitId: number): void;
  readHoldingRegisters(first: number, length: number): Promise<{ readonly data: readonly number[] }>;
  close(done: () => void): void;
};

const [modules = "", port = "", count = ""] = process.argv.slice(2);
const require = createRequire(modules);
const Client = require("modbus-serial") as ModbusSerial;
const { version } = require("modbus-serial/package.json") as { readonly version: string };
const blocks = blocksOf(Number(count));
let values: (readonly number[])[] = [];
const device = new Client();
await device.connectTCP("127.0.0.1", { port: Number(port) });
device.setID(1);
await answerPolls(
  async () => {
    values = [];
    // One after the other: with several at a time its socket waits for acknowledgements (Nagle's algorithm), 40 ms each.
    for (const [first, length] of blocks) values.push((await device.readHoldingRegisters(first, length)).data);
  },
  () => values.flat().reduce((total, value) => total + value, 0),
  version,
);
device.close(() => process.exit(0));
