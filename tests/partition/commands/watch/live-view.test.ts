// `cpc watch` on a terminal of its own, beside a running partition.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

import { Sandbox } from "../cpc.ts";
import { device, modbusXml } from "../../../plant/modbus-plant.ts";
import { until } from "../../../until.ts";

const main = new URL("../../../../packages/partition/src/main.ts", import.meta.url).pathname;

test("keys lead through a real terminal, which is afterwards as it was before", { timeout: 200_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  // `script` gives the command a terminal. What stty says at the end is how the terminal was left.
  const command = `stty cols 200 rows 24; "${process.execPath}" "${main}" watch --prefix ${sandbox.prefix}; stty -a`;
  const terminal = spawn("script", ["--quiet", "--flush", "--return", "--command", command, "/dev/null"]);
  t.after(() => terminal.kill());
  let output = "";
  terminal.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const shows = (text: string | RegExp): Promise<void> =>
    until(`the terminal shows ${String(text)}`, () => new RegExp(text).test(output), {
      evidence: () => JSON.stringify(output),
    });
  await shows("Waiting for a partition: there is no .*modbus_image");
  sandbox.run("--modbus", sandbox.write("modbus.xml", modbusXml({ alias: "Ecotec", port })));
  await shows(/always 42 +42 /);
  await shows("points 1 to 2 of 2");
  terminal.stdin.write("\r");
  await shows(/History.*\d+ changes? in /);
  terminal.stdin.write("q");
  const [code] = (await once(terminal, "close")) as [number];
  assert.equal(code, 0);
  assert.ok(output.lastIndexOf("\u001b[?25h") > output.lastIndexOf("\u001b[?25l"), "the cursor is there");
  assert.match(output, / icanon .* echo /s);
});
