// The clients of the table: ours, and what others wrote, each in the way in which a program would use it.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuiltPackages } from "./built-packages.ts";
import type { Target } from "./comparison.ts";
import type { Contestant } from "./contest.ts";
import { LineProcess } from "./line-process.ts";
import { modbusConfiguration, opcUaConfiguration } from "./plant-configuration.ts";

export const VALUES = 1000;
const JAVASCRIPT_PEERS = fileURLToPath(new URL("../.peers/benchmarks/javascript/", import.meta.url));

export interface Client extends Contestant {
  readonly target?: Target;
}

export interface Field {
  readonly title: string;
  readonly server: () => LineProcess;
  /** What the server's values add up to. */
  readonly sum: number;
  /** The first one is what the others are compared with. */
  readonly clients: (port: number, folder: string, built: BuiltPackages) => readonly Client[];
}

/** Without the condition of a checkout, under which packages are their sources. */
const environment = { ...process.env, NODE_OPTIONS: undefined };

function node(program: string, ...parameters: readonly (string | number)[]): () => LineProcess {
  return () => new LineProcess(process.execPath, [program, ...parameters], environment);
}

function sumOver(valueOf: (index: number) => number): number {
  return Array.from({ length: VALUES }, (_, index) => valueOf(index)).reduce((sum, value) => sum + value, 0);
}

export const fields = {
  modbus: {
    title: `${VALUES} holding registers of a libmodbus server`,
    server: () => LineProcess.libmodbusServer(),
    sum: sumOver((address) => (address * 257) % 65_536),
    clients: (port, folder, { program }) => {
      const file = join(folder, "modbus.xml");
      writeFileSync(file, modbusConfiguration(port, VALUES));
      const ours = program("our-polls.ts");
      return [
        {
          name: "image",
          what: "**cpc-partition**, into the process image",
          start: node(ours, "modbus", file, "image"),
          // 100,000 values a second in 6.8 % of a core.
          target: { figure: "cpuMs", atMost: 0.68 },
        },
        {
          name: "document",
          what: "**cpc-partition**, and the document in shared memory",
          start: node(ours, "modbus", file, "document"),
          // 50 times faster than the Python reference, once measured with 97 ms.
          target: { figure: "wallMs", atMost: 1.94 },
        },
        {
          name: "libmodbus",
          what: "libmodbus, C",
          start: () => LineProcess.compiled("libmodbus-client", port, VALUES),
        },
        {
          name: "jsmodbus",
          what: "jsmodbus, Node",
          start: node(program("peers/jsmodbus-client.ts"), JAVASCRIPT_PEERS, port, VALUES),
        },
        {
          name: "modbus-serial",
          what: "modbus-serial, Node",
          start: node(program("peers/modbus-serial-client.ts"), JAVASCRIPT_PEERS, port, VALUES),
        },
        {
          name: "pymodbus",
          what: "pymodbus, Python",
          start: () => LineProcess.python("peers/pymodbus_client.py", port, VALUES),
        },
        {
          name: "pymodbustcp",
          what: "pyModbusTCP, register by register, and a JSON document",
          start: () => LineProcess.python("peers/reference_modbus.py", port, VALUES),
        },
      ];
    },
  },
  opcua: {
    title: `${VALUES} Doubles of an open62541 server`,
    server: () => LineProcess.compiled("open62541-server", VALUES),
    sum: sumOver((index) => index + 0.25),
    clients: (port, folder, { program }) => {
      const file = join(folder, "opcua.xml");
      writeFileSync(file, opcUaConfiguration(port, VALUES));
      const ours = program("our-polls.ts");
      return [
        {
          name: "image",
          what: "**cpc-partition**, into the process image",
          start: node(ours, "opcua", file, "image"),
          target: { figure: "cpuMs", atMost: 0.3 },
        },
        {
          name: "document",
          what: "**cpc-partition**, and the document in shared memory",
          start: node(ours, "opcua", file, "document"),
          // 200 times faster than the Python reference, once measured with 2 s.
          target: { figure: "wallMs", atMost: 10 },
        },
        {
          name: "open62541",
          what: "open62541's client, C",
          start: () => LineProcess.compiled("open62541-client", port, VALUES),
        },
        {
          name: "node-opcua",
          what: "node-opcua's `session.read`, Node",
          start: node(program("peers/node-opcua-client.ts"), join(folder, "node-opcua"), port, VALUES),
        },
        {
          name: "asyncua",
          what: "asyncua, Python",
          start: () => LineProcess.python("peers/asyncua_client.py", port, VALUES),
        },
        {
          name: "asyncua-3",
          what: "asyncua, three calls for each node, and a JSON document",
          start: () => LineProcess.python("peers/reference_opcua.py", port, VALUES),
        },
      ];
    },
  },
} satisfies Readonly<Record<string, Field>>;
