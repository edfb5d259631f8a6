import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { opcUaXml } from "../../plant/configuration-xml.ts";
import { device, modbusXml } from "../../plant/modbus-plant.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };

test("a file and a directory are one configuration of run, and the variable takes both", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const folder = join(sandbox.folder, "modbus.d");
  mkdirSync(folder);
  const first = sandbox.write("first.xml", modbusXml({ alias: "A", port }));
  sandbox.write("modbus.d/2.xml", modbusXml({ alias: "C", port }));
  sandbox.write("modbus.d/1.xml", modbusXml({ alias: "B", port }));
  sandbox.write("modbus.d/.3.xml", "not for us");
  const run = sandbox.run("--modbus", first, "--modbus", folder);
  await run.until("all have values", () => ["A", "B", "C"].every((own) => sandbox.value(`${own}: always 42`) === 42));
  assert.deepEqual(
    Object.keys(sandbox.document() ?? {}).filter((key) => key.endsWith("always 42")),
    ["A: always 42", "B: always 42", "C: always 42"],
  );
  assert.equal((await run.end()).code, 0);
  const again = sandbox.runIn({ env: { CPC_MODBUS: `${first}:${folder}` } });
  await again.until("all have values", () => ["A", "C"].every((own) => sandbox.value(`${own}: always 42`) === 42));
  assert.equal((await again.end()).code, 0);
});

test("an alias of two files is an error that names both, with all others in one round", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const one = sandbox.write("one.xml", modbusXml({ alias: "A", port: 502 }));
  const two = sandbox.write("two.xml", modbusXml({ alias: "A", port: 502 }, { alias: "B", port: 70_000 }));
  const three = sandbox.write("three.xml", modbusXml({ alias: "C", port: 502 }));
  mkdirSync(join(sandbox.folder, "empty.d"));
  const { code, stdout, stderr } = await sandbox.ran("check", one, two, three, join(sandbox.folder, "empty.d"));
  assert.equal(code, 2);
  const problems = stderr.trim().split("\n");
  assert.equal(problems.length, 3, stderr);
  assert.match(problems[0] ?? "", /empty\.d:1: the directory has no file whose name ends with \.xml; put/);
  assert.match(
    stderr,
    /two\.xml:\d+: <serveralias> "A" is the name of the server in line \d+ of ".*one\.xml" already; every server needs its own/,
  );
  assert.match(stderr, /two\.xml:\d+: <port> is "70000"/);
  assert.deepEqual(stdout.match(/\w+\.xml is valid/g), ["one.xml is valid", "three.xml is valid"]);
});

test(
  "check --points lists each point with its request, address or node, type, unit and interval",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const modbus = sandbox.write(
      "modbus.xml",
      modbusXml({ alias: "A", port: 502, settings: "<interval>0.5</interval>" }),
    );
    const opcua = sandbox.write("opcua.xml", opcUaXml({ alias: "S", url: "opc.tcp://192.0.2.1:4840" }));
    const { code, stdout, stderr } = await sandbox.ran("check", "--points", modbus, opcua);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^key +request +address or node +type +unit +interval$/m);
    assert.match(stdout, /^A: always 42 +FC03 unit 1, 9 to 9 +unit 1, holding register 9 +UInt16 +0\.5 s$/m);
    assert.match(stdout, /^S: a \(display name\) +Read Value +ns=1;s=a .*the service's$/m);
    const json = await sandbox.ran("check", "--json", modbus, opcua);
    const points = JSON.parse(json.stdout) as { key: string; service: string; request: string; intervalMs: unknown }[];
    assert.deepEqual(
      points
        .filter(({ key }) => /always 42|^a /.test(key))
        .map((point) => [point.service, point.request, point.intervalMs]),
      [
        ["opcua", "Read Value", null],
        ["modbus", "FC03 unit 1, 9 to 9", 500],
      ],
    );
  },
);

test("check --without-secrets opens no reference and says so", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const login = "<username>u</username><password>${env:NOWHERE}</password>";
  const file = sandbox.write(
    "opcua.xml",
    opcUaXml({ alias: "S", url: "opc.tcp://192.0.2.1:4840" }).replace("</security>", `${login}</security>`),
  );
  const refused = await sandbox.ran("check", file);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /environment variable "NOWHERE", which is not set/);
  const checked = await sandbox.ran("check", file, "--without-secrets");
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stderr, /^references to secrets were not followed/m);
  const wrong = sandbox.write(
    "wrong.xml",
    opcUaXml({ alias: "S", url: "opc.tcp://192.0.2.1:4840" }).replace(
      "</security>",
      `${login.replace("env:", "vault:")}</security>`,
    ),
  );
  assert.equal((await sandbox.ran("check", wrong, "--without-secrets")).code, 2, "a reference of no known kind");
});
