// What a device's registers mean, from the wire to the document and the image of a whole run.

import assert from "node:assert/strict";
import { test } from "node:test";

import { honest, startDevice } from "../../plant/modbus-device.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };

interface Endpoint {
  readonly name: string;
  readonly address: number;
  readonly quantity?: number;
  readonly settings?: string;
}

function modbusXml(port: number, endpoints: readonly Endpoint[]): string {
  const elements = endpoints.map(
    ({ name, address, quantity = 1, settings = "" }) =>
      `<endpoint><name>${name}</name><function>Read Holding Registers</function><address>${address}</address>` +
      `<quantity>${quantity}</quantity><offset>-1</offset><type/><description/>${settings}</endpoint>`,
  );
  return (
    `<modbus-servers><server><ipaddr>127.0.0.1</ipaddr><port>${port}</port><serveralias>A</serveralias>` +
    `<endpoints>${elements.join("")}</endpoints></server></modbus-servers>`
  );
}

test("tenths, sentinels and texts of a device are what they mean in document and image", watchdog, async (t) => {
  let level = 0x8000;
  // 479; a level; "Süd" in ISO-8859-1 with padding; the same where UTF-8 is expected.
  const registers = [479, 0, 0x53fc, 0x64ff, 0xffff];
  const device = await startDevice(honest((_, __, address) => (address === 1 ? level : (registers[address] ?? 0))));
  t.after(() => device.close());
  const sandbox = new Sandbox(t);
  const text = "<dataType>String</dataType>";
  const file = modbusXml(device.port, [
    { name: "Druck", address: 0, settings: "<scale>0.1</scale>" },
    { name: "Stand", address: 1, settings: "<dataType>Int16</dataType><scale>0.1</scale><noValue>0x8000</noValue>" },
    { name: "Ort", address: 2, quantity: 3, settings: `${text}<encoding>ISO-8859-1</encoding>` },
    { name: "Unlesbar", address: 2, quantity: 3, settings: text },
  ]);
  const run = sandbox.run("--modbus", sandbox.write("modbus.xml", file));
  await run.until("there are values", () => sandbox.value("A: Druck") !== undefined);
  assert.equal(sandbox.value("A: Druck"), 47.9);
  assert.equal(sandbox.value("A: Ort"), "Süd");
  const { stdout } = await sandbox.command("dump", "modbus", "--image");
  assert.match(stdout, /Stand .*BadNoData/);
  assert.match(stdout, /Unlesbar .*BadDecodingError/);
  assert.equal(sandbox.value("A: Stand"), undefined);
  level = 21;
  await run.until("the level is back", () => sandbox.value("A: Stand") === 2.1);
  await run.end();
});
