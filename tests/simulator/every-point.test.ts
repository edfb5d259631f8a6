// Every configuration that `run` takes can be played: each type of a node, members of structures, parts of arrays, and scales of any size.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Sandbox, type Child } from "../partition/commands/cpc.ts";
import { freePort } from "../plant/free-port.ts";

const watchdog = { timeout: 200_000 };

async function started(plant: Child): Promise<void> {
  await plant.until("the plant says where it is", () => plant.stdout.includes("trust "));
}

const types = (
  "Boolean SByte Byte Int16 UInt16 Int32 UInt32 Int64 UInt64 Float Double String DateTime Guid ByteString XmlElement NodeId ExpandedNodeId StatusCode " +
  "QualifiedName LocalizedText ExtensionObject DataValue DiagnosticInfo"
).split(" ");

function nodeXml(name: string, type: string, more = ""): string {
  return `<node><DisplayName>${name}</DisplayName><NamespaceIndex>2</NamespaceIndex><IdentifierType>String</IdentifierType>
    <Identifier>${name}</Identifier><datatype>${type}</datatype><description/>${more}</node>`;
}

test(
  "nodes of every type, members of structures and parts of arrays have good values of their type",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const port = await freePort();
    const nodes = [
      ...types.map((type) => nodeXml(type, type)),
      nodeXml("Variant", "Variant"),
      nodeXml(
        "Motor",
        "ExtensionObject",
        "<member><path>Speed</path><datatype>UInt16</datatype></member><member><path>Drive.Axes[1].Name</path><datatype>String</datatype></member>",
      ),
      nodeXml("Motors", "ExtensionObject", "<member><path>[2].speed</path></member>"),
      nodeXml("Part", "Int32", "<IndexRange>2:3</IndexRange>"),
      nodeXml("Matrix", "Double", "<IndexRange>1:2,0:1</IndexRange>"),
    ];
    const file = sandbox.write(
      "opcua.xml",
      `<opcua-servers><server><server_app_uri>opc.tcp://127.0.0.1:${port}</server_app_uri>
     <client_app_uri>urn:test:client</client_app_uri><alias>A</alias>
     <security><policy>SecurityPolicyNone</policy><mode>None</mode></security>
     <nodes>${nodes.join("\n")}</nodes></server></opcua-servers>`,
    );
    const plant = sandbox.cpc([
      "simulate",
      "--opcua",
      file,
      "--opcua-port",
      String(port),
      "--directory",
      join(sandbox.folder, "plant"),
    ]);
    await started(plant);
    const run = sandbox.run("--opcua", file);
    const names = [
      ...types,
      "Variant",
      "Motor",
      "Motor.Speed",
      "Motor.Drive.Axes[1].Name",
      "Motors[2].speed",
      "Part",
      "Matrix",
    ];
    await run.until("all are read", () =>
      names.every((name) => sandbox.document("opcua_shm")?.[`2:${name}`] !== undefined),
    );
    const document = sandbox.document("opcua_shm") ?? {};
    for (const type of types) assert.equal(document[`2:${type}`]?.["varType"], type);
    const typeOf = (name: string): unknown => document[`2:${name}`]?.["varType"];
    assert.deepEqual(
      names.slice(types.length).map((name) => typeOf(name)),
      ["Double", "ExtensionObject", "UInt16", "String", "Double", "Int32", "Double"],
    );
    assert.equal((sandbox.value("2:Part", "opcua_shm") as unknown[]).length, 2);
    assert.deepEqual(
      (sandbox.value("2:Matrix", "opcua_shm") as unknown[][]).map((row) => row.length),
      [2, 2],
    );
    assert.equal((await plant.end()).code, 0);
  },
);

const registers: Readonly<Record<string, number>> = {
  Int8: 1,
  UInt8: 1,
  Int16: 1,
  UInt16: 1,
  Int32: 2,
  UInt32: 2,
  Int64: 4,
  UInt64: 4,
  Float: 2,
  Double: 4,
  Float16: 1,
  BCD16: 1,
  BCD64: 4,
};
const scales = ["1e-9", "1e-300", "4.9e-324", "1e9", "1e300", "-1e-9"];

test(
  "points of any scale and with a scale factor have values that the registers can hold, and move",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const port = await freePort();
    let address = 0;
    const endpoint = (name: string, dataType: string, more: string): string => {
      const first = address;
      address += (registers[dataType] ?? 1) + 1;
      return `<endpoint><name>${name}</name><function>Read Holding Registers</function><address>${first}</address><quantity>${registers[dataType]}</quantity>
      <offset>-1</offset><type/><description/><dataType>${dataType}</dataType>${more.replace("NEXT", String(first + 1))}</endpoint>`;
    };
    const names = Object.keys(registers).flatMap((type) =>
      scales.map((scale) => ({ name: `${type} ${scale}`, type, scale })),
    );
    const endpoints = [
      ...names.map(({ name, type, scale }) => endpoint(name, type, `<scale>${scale}</scale>`)),
      endpoint("Zähler", "Int16", "<scaleFactor>NEXT</scaleFactor>"),
      endpoint("Zähler 2", "Int16", "<scale>1e-9</scale><scaleFactor>NEXT</scaleFactor>"),
    ];
    const file = sandbox.write(
      "modbus.xml",
      `<modbus-servers><server><ipaddr>127.0.0.1</ipaddr><port>${port}</port><serveralias>M</serveralias>
     <endpoints>${endpoints.join("\n")}</endpoints></server></modbus-servers>`,
    );
    const plant = sandbox.cpc([
      "simulate",
      "--modbus",
      file,
      "--modbus-port",
      String(port),
      "--directory",
      join(sandbox.folder, "plant"),
    ]);
    await started(plant);
    const run = sandbox.run("--modbus", file);
    const seen = new Map<string, Set<unknown>>();
    const all = [...names.map(({ name }) => name), "Zähler", "Zähler 2"];
    await run.until("each has moved", () => {
      for (const name of all) {
        const values = seen.get(name) ?? new Set();
        values.add(sandbox.value(`M: ${name}`));
        seen.set(name, values);
      }
      return all.every((name) => (seen.get(name)?.size ?? 0) >= 3);
    });
    for (const [name, values] of seen)
      for (const value of values) assert.ok(value === undefined || Number.isFinite(value), `${name} ${String(value)}`);
    assert.ok(
      [...(seen.get("Zähler") ?? [])].every((value) => value === undefined || Number(value) >= 0),
      "it does not overflow",
    );
    assert.equal((await plant.end()).code, 0);
  },
);
