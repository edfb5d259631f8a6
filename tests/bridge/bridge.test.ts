// The command as a process: what it refuses, and how it begins and ends.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Sandbox } from "../partition/commands/cpc.ts";
import { until } from "../until.ts";
import { TestBroker } from "./outputs/test-broker.ts";

function place(t: TestContext) {
  const sandbox = new Sandbox(t);
  const { folder, prefix } = sandbox;
  const start = (...args: readonly string[]) =>
    sandbox.cpc(["bridge", ...args, "--state", join(folder, "state"), "--prefix", prefix]);
  const file = (text: string): string => {
    sandbox.write("bridge.yaml", text);
    return "bridge.yaml";
  };
  return { folder, start, file };
}

test("a file is checked, an invalid one is refused with every error, and a missing one is named", async (t) => {
  const { start, file } = place(t);
  const [missing, none] = await Promise.all([start("nowhere.yaml").ended, start().ended]);
  assert.deepEqual([missing.code, none.code], [1, 2]);
  assert.match(missing.stderr, /^cannot read nowhere\.yaml because it does not exist\n$/);
  assert.match(none.stderr, /give a file of outputs: npm run -s cpc -- bridge bridge\.yaml/);
  const invalid = await start(file("outputs:\n  - type: mqtt\n    adress: x\n")).ended;
  assert.equal(invalid.code, 2);
  assert.match(
    invalid.stderr,
    /^bridge\.yaml:2: outputs\[1\]\.address is missing.*\nbridge\.yaml:3: outputs\[1\]\.adress is not a setting/,
  );
  const valid = await start("--check", file("outputs: [{ type: mqtt, address: mqtts://b.example }]")).ended;
  assert.deepEqual([valid.code, valid.stdout], [0, "mqtt: b.example:8883\nbridge.yaml is valid\n"]);
});

test("two bridges never work in one folder, and SIGTERM ends one with a goodbye", async (t) => {
  const { folder, start } = place(t);
  const broker = await TestBroker.start(t);
  const textfile = join(folder, "bridge.prom");
  const address = `mqtt://127.0.0.1:${broker.port}`;
  const first = start(
    "sparkplug",
    address,
    "--group",
    "g",
    "--edge-node",
    "e",
    "--no-commands",
    "--textfile",
    textfile,
  );
  await until("the birth", () => broker.topics().includes("spBv1.0/g/NBIRTH/e"), { evidence: () => first.stderr });
  assert.deepEqual(broker.subscriptions, []);
  const second = await start("mqtt", address).ended;
  assert.equal(second.code, 1);
  assert.match(second.stderr, /because another bridge works in it; stop that one, or choose another with --state/);
  await until("metrics", () => existsSync(textfile));
  const { code, stdout } = await first.end();
  assert.deepEqual([code, stdout], [0, `bridge: sparkplug to 127.0.0.1:${broker.port}\n`]);
  assert.equal(broker.topics().at(-1), "spBv1.0/g/NDEATH/e");
  assert.equal(existsSync(textfile), false, "nobody takes its last figures for the present ones");
});
