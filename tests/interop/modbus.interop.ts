// Modbus TCP against devices that nobody here wrote, read by a Python consumer.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { modbusServersXml, type XmlEndpoint } from "../plant/configuration-xml.ts";
import { Partition } from "./partition.ts";
import { Peer } from "./peer.ts";
import type { Message } from "./peer.ts";

const TABLE = fileURLToPath(new URL("modbus-edge-values.json", import.meta.url));
const CONNECTION = (alias: string): string => `ModbusTCP Connections:${alias}: Connection status`;
const READING_FUNCTIONS = new Set(["1", "2", "3", "4"]);

function boolean(value: boolean): object {
  return { value, varType: "Boolean" };
}

function register(value: number): object {
  return { value, varType: "UInt16" };
}

/** The functions that a device saw, from its last words. */
function functionsSeen(lastWords: readonly Message[]): readonly string[] {
  return Object.keys(lastWords.at(-1)?.["requests"] as Message).toSorted();
}

suite("a pymodbus device", () => {
  test("every edge value arrives in Python exactly, in both word orders and from both units", async () => {
    await using partition = new Partition();
    const device = partition.keep(Peer.python("pymodbus-server.py", TABLE));
    const port = await partition.beforeModbus((await device.message())["port"] as number);
    const table = JSON.parse(readFileSync(TABLE, "utf8")) as Record<
      string,
      { source: Omit<XmlEndpoint, "name" | "unit"> & { unit: number } }
    >;
    const entries = Object.entries(table).map(([key, { source }]) =>
      Object.assign(source, { name: key.slice("pymodbus: ".length) }),
    );

    partition.run({
      modbus: partition.write("modbus.xml", modbusServersXml({ alias: "pymodbus", port, endpoints: entries })),
    });
    const consumer = await partition.consumer("modbus");
    await partition.sees(consumer, CONNECTION("pymodbus"), true);
    await partition.sees(consumer, "pymodbus: Last register", 4711);

    assert.deepEqual((await consumer.ask(`compare ${TABLE}`))["differences"], []);
    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION("pymodbus"), ...Object.keys(table)]);
    assert.equal(await partition.stop(), 0);
    assert.deepEqual(functionsSeen(await device.close()), ["1", "2", "3", "4"]);
  });

  test("a table with a wrong value is found different", async () => {
    await using partition = new Partition();
    const device = partition.keep(Peer.python("pymodbus-server.py", TABLE));
    const port = await partition.beforeModbus((await device.message())["port"] as number);
    const entry: XmlEndpoint = { name: "UInt64 past 2^53", function: 3, address: 25, dataType: "UInt64" };
    partition.run({
      modbus: partition.write("modbus.xml", modbusServersXml({ alias: "pymodbus", port, endpoints: [entry] })),
    });
    const consumer = await partition.consumer("modbus");
    await partition.sees(consumer, CONNECTION("pymodbus"), true);

    const rounded = partition.write("rounded.json", '{"pymodbus: UInt64 past 2^53": {"value": 9007199254740992}}');
    assert.equal(((await consumer.ask(`compare ${rounded}`))["differences"] as string[]).length, 1);
  });
});

suite("a libmodbus device", () => {
  test("all four functions read what the device holds, and an illegal address costs only its own entry", async () => {
    await using partition = new Partition();
    const device = partition.keep(Peer.libmodbus());
    const port = await partition.beforeModbus((await device.message())["port"] as number);
    const entries: readonly XmlEndpoint[] = [
      { name: "coils", function: 1, address: 0, quantity: 4 },
      { name: "discrete inputs", function: 2, address: 4, quantity: 3 },
      { name: "holding registers", function: 3, address: 3997, quantity: 3 },
      { name: "beyond the last", function: 3, address: 4000 },
      { name: "input registers", function: 4, address: 10, quantity: 2 },
      { name: "bit 0", function: 3, address: 2, bit: 0 },
      { name: "bit 1", function: 3, address: 2, bit: 1 },
      { name: "far bit", function: 1, address: 3999 },
    ];
    partition.run({
      modbus: partition.write("modbus.xml", modbusServersXml({ alias: "lib", port, endpoints: entries })),
    });
    const consumer = await partition.consumer("modbus");
    await partition.sees(consumer, "lib: holding registers[2]", (3999 * 257) % 65536);

    const wanted = {
      [CONNECTION("lib")]: { ...boolean(true), description: "Connection status to the Modbus server" },
      "lib: coils": { ...boolean(true), description: "coils of lib" },
      "lib: coils[1]": boolean(false),
      "lib: coils[2]": boolean(false),
      "lib: coils[3]": boolean(true),
      "lib: discrete inputs": boolean(false),
      "lib: discrete inputs[1]": boolean(true),
      "lib: discrete inputs[2]": boolean(false),
      "lib: holding registers": register((3997 * 257) % 65536),
      "lib: holding registers[1]": register((3998 * 257) % 65536),
      "lib: holding registers[2]": register((3999 * 257) % 65536),
      "lib: input registers": register(65525),
      "lib: input registers[1]": register(65524),
      "lib: bit 0": boolean(false),
      "lib: bit 1": boolean(true),
      "lib: far bit": boolean(true),
    };
    const file = partition.write("wanted.json", JSON.stringify(wanted));
    assert.deepEqual((await consumer.ask(`compare ${file}`))["differences"], []);
    assert.deepEqual((await consumer.ask("keys"))["keys"], Object.keys(wanted));
    assert.equal(await partition.stop(), 0);
    assert.deepEqual(functionsSeen(await device.close()), ["1", "2", "3", "4"]);
  });

  test("an endpoint with a write function is skipped: the device never sees a write", async () => {
    await using partition = new Partition();
    const device = partition.keep(Peer.libmodbus());
    const port = await partition.beforeModbus((await device.message())["port"] as number);
    const writing = [
      "Write Single Coil",
      "Write Multiple Holding Registers",
      "Write Single Holding Register",
      "Write Multiple Coils",
    ].map(
      (name) =>
        `<endpoint><name>${name}</name><function>${name}</function><address>0</address><quantity>1</quantity>` +
        "<offset>-1</offset><type>register</type><description>to be skipped</description></endpoint>",
    );
    const entry: XmlEndpoint = { name: "register", function: 3, address: 1 };
    partition.run({
      modbus: partition.write("modbus.xml", modbusServersXml({ alias: "lib", port, endpoints: [entry, ...writing] })),
    });
    const consumer = await partition.consumer("modbus");
    await partition.sees(consumer, "lib: register", 257);

    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION("lib"), "lib: register"]);
    assert.match(partition.log, /Write Single Coil/);
    assert.equal(await partition.stop(), 0);
    const seen = functionsSeen(await device.close());
    assert.deepEqual(
      seen.filter((code) => !READING_FUNCTIONS.has(code)),
      [],
    );
    assert.deepEqual(seen, ["3"]);
  });

  test("a device that goes away leaves only its connection entry, with false", async () => {
    await using partition = new Partition();
    const first = Peer.libmodbus();
    const port = (await first.message())["port"] as number;
    const xml = modbusServersXml({ alias: "lib", port, endpoints: [{ name: "register", function: 4, address: 0 }] });
    partition.run({ modbus: partition.write("modbus.xml", xml) });
    const consumer = await partition.consumer("modbus");
    await partition.sees(consumer, "lib: register", 65535);
    await first.close();
    await partition.sees(consumer, CONNECTION("lib"), false);
    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION("lib")]);
  });
});
