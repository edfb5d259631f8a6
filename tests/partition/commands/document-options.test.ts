// What the options of `run` make of the two values that consumers disagree about: none, and NaN.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { exception, honest, startDevice } from "../../plant/modbus-device.ts";
import { connectionKey, device as countingDevice, modbusXml } from "../../plant/modbus-plant.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };

function endpoint(name: string, address: number, quantity = 1, more = ""): string {
  return `<endpoint><name>${name}</name><function>Read Holding Registers</function><address>${address}</address>
    <quantity>${quantity}</quantity><offset>-1</offset><type>register</type><description></description>${more}</endpoint>`;
}

function xml(port: number): string {
  const fault = endpoint("fault", 1, 2, "<dataType>Float</dataType>");
  return `<modbus-servers><server><ipaddr>127.0.0.1</ipaddr><port>${port}</port><serveralias>A</serveralias>
    <endpoints>${endpoint("answer", 0)}${endpoint("hole", 5000)}${fault}</endpoints></server></modbus-servers>`;
}

/** The text of the document when it has values, without white space. */
async function documentWith(t: TestContext, ...options: readonly string[]): Promise<string> {
  const sandbox = new Sandbox(t);
  const cells: Readonly<Record<number, number>> = { 0: 42, 1: 0x7fc0, 2: 0 };
  const device = await startDevice((request) =>
    request.address === 5000 ? exception(request, 2) : honest((_, __, address) => cells[address] ?? 0)(request),
  );
  t.after(() => device.close());
  const run = sandbox.run("--modbus", sandbox.write("modbus.xml", xml(device.port)), ...options);
  const path = sandbox.path("modbus_shm");
  const text = (): string => (existsSync(path) ? readFileSync(path, "utf8").replaceAll(/[ \0]/g, "") : "");
  await run.until("there are values", () => text().includes("42"));
  return text();
}

test("what cannot be read is left out, and NaN is the word of Python's json", watchdog, async (t) => {
  const text = await documentWith(t);
  assert.match(
    text,
    /"A:answer":\{"value":42,"varType":"UInt16","description":""\},"A:fault":\{"value":NaN,"varType":"Float"/,
  );
  assert.doesNotMatch(text, /hole/);
});

test(
  "--unreadable text says so under the key of the point, and --strict-json writes NaN as a string",
  watchdog,
  async (t) => {
    const text = await documentWith(t, "--unreadable", "text", "--strict-json");
    const document = JSON.parse(text) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    assert.deepEqual(document["A:fault"], { value: "NaN", varType: "Float", description: "" });
    const { statusCode, ...hole } = document["A:hole"] ?? {};
    assert.deepEqual(hole, { value: "ERRORREADINGVALUE", varType: "String", description: "" });
    assert.equal(typeof statusCode, "number");
  },
);

test("a segment too small for the connection entries is refused with the size that would do", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await countingDevice(t);
  const servers = Array.from({ length: 12 }, (_, index) => ({ alias: `Server ${index}`, port }));
  const file = sandbox.write("modbus.xml", modbusXml(...servers));
  const refused = await sandbox.run("--modbus", file, "--segment-size", "1024").ended;
  assert.equal(refused.code, 1);
  const [, least = ""] =
    /^cannot use --segment-size 1024 because the connection entries of modbus alone take (\d+) bytes; use at least \1,/m.exec(
      refused.stderr,
    ) ?? [];
  assert.deepEqual(sandbox.objects(), []);
  const run = sandbox.run("--modbus", file, "--segment-size", least);
  await run.until("every connection is shown", () =>
    servers.every(({ alias }) => sandbox.document()?.[connectionKey(alias)] !== undefined),
  );
  await run.end();
  const alone = await sandbox.cpc(["documents", "--segment-size", "1024", "--prefix", sandbox.prefix]).ended;
  assert.equal(alone.code, 1);
  assert.match(alone.stderr, /^cannot use --segment-size 1024 because the connection entries of modbus alone take/m);
});
