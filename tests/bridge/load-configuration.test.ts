import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfiguration, type LoadOptions } from "../../packages/bridge/src/load-configuration.ts";

const options: LoadOptions = {
  file: "bridge.yaml",
  environment: { PASSWORD: "geheim" },
  stateFolder: "/tmp/state",
  noCommands: false,
  allowed: [],
};

function load(text: string, changed: Partial<LoadOptions> = {}) {
  const { outputs, problems } = loadConfiguration(text, { ...options, ...changed });
  return { outputs, errors: problems.errors, warnings: problems.warnings };
}

test("a file with everything in it is read", () => {
  const { outputs, errors, warnings } = load(`
outputs:
  - name: site
    type: sparkplug
    address: mqtts://broker.example
    group: Plant 1
    edgeNode: 007
    primaryHost: SCADA
    aliases: true
    user: bridge
    password: \${env:PASSWORD}
    keepAlive: 20s
    timeout: 5s
    batch: 100ms
    points: { include: ["Boiler 1/*"], exclude: "*test*" }
    deadband:
      - { points: ["*/Temperature*"], absolute: 0.5 }
    minimumInterval: 1s
    queue: { size: 2G, historyRate: 5000 }
  - type: mqtt
    address: mqtt://127.0.0.1
    topic: plant1/gateway7
    layout: server
    retain: false
`);
  assert.deepEqual([errors, warnings], [[], []]);
  assert.deepEqual(
    outputs.map(({ output, address, stateFolder }) => [output.name, address, stateFolder]),
    [
      ["site", "broker.example:8883", "/tmp/state/site"],
      ["mqtt", "127.0.0.1:1883", "/tmp/state/mqtt"],
    ],
  );
  const delivery = outputs[0]?.delivery;
  assert.deepEqual(
    [delivery?.batchMs, delivery?.minimumIntervalMs, delivery?.queueBytes, delivery?.historyPerSecond],
    [100, 1000, 2 * 2 ** 30, 5000],
  );
  assert.equal(delivery?.deadbands[0]?.absolute, 0.5);
  assert.deepEqual([delivery?.include.length, delivery?.exclude.length], [1, 1]);
});

test("all errors are found at once, each with its line and what to do", () => {
  const { errors } = load(`outputs:
  - type: sparkplug
    address: http://broker
    group: G
    batch: fast
    colour: red
  - type: kafka
    address: kafka://broker
  - 3
  - name: "a b"
    type: mqtt
    address: mqtt://user:secret@broker
    topic: a/#
    password: \${env:NONE}
    queue: { size: 1K }
    deadband: [{ absolute: -1 }]
more: 1
`);
  assert.deepEqual(
    errors.map((error) => /^bridge\.yaml:(\d+): (\S+)/.exec(error)?.slice(1)),
    [
      ["2", "outputs[1].edgeNode"],
      ["3", "outputs[1].address"],
      ["5", "outputs[1].batch"],
      ["6", "outputs[1].colour"],
      ["7", "outputs[2].type"],
      ["9", "outputs[3]"],
      ["10", "outputs[4].name"],
      ["12", "outputs[4].address"],
      ["13", "outputs[4].topic"],
      ["14", "outputs[4].password"],
      ["15", "outputs[4].queue.size"],
      ["16", "outputs[4].deadband[1].points"],
      ["16", "outputs[4].deadband[1].absolute"],
      ["17", "more"],
    ],
  );
  assert.doesNotMatch(errors.join("\n"), /secret/);
  assert.match(errors.join("\n"), /it can be sparkplug, mqtt/);
});

test("what is no YAML, and anchors, are errors with lines", () => {
  assert.match(load("outputs: [").errors[0] ?? "", /^bridge\.yaml:1: this is not YAML: /);
  assert.match(load("a: 1\na: 2\n").errors[0] ?? "", /^bridge\.yaml:2: /);
  assert.match(load("- 1").errors[0] ?? "", /must be a map/);
  assert.match(load("outputs: []").errors[0] ?? "", /outputs is missing or empty/);
  assert.match(load("x: &x 1\noutputs: *x\n").errors.join("\n"), /bridge\.yaml:2: an alias/);
});

function loadMqtt(address: string, rest: string) {
  return load(`outputs:\n  - type: mqtt\n    address: ${address}\n    ${rest}\n`);
}

test("passwords travel encrypted or stay on the machine, and better stand elsewhere", () => {
  assert.match(loadMqtt("mqtt://broker", "password: ${env:PASSWORD}").errors.join(), /plain text.*mqtts/);
  assert.deepEqual(loadMqtt("mqtt://127.0.0.1", "password: ${env:PASSWORD}").errors, []);
  assert.deepEqual(loadMqtt("mqtts://broker", "password: ${env:PASSWORD}").warnings, []);
  assert.match(loadMqtt("mqtts://broker", "password: hunter2").warnings.join(), /\$\{env:NAME\}/);
  assert.match(loadMqtt("mqtt://broker", "tls: { ca: /dev/null }").errors.join(), /no effect.*mqtts/s);
  assert.match(loadMqtt("mqtts://broker", "tls: { certificate: nowhere.pem }").errors.join("\n"), /does not exist/);
  assert.match(loadMqtt("mqtts://broker", "tls: { certificate: nowhere.pem }").errors.join("\n"), /needs both/);
});

test("an address that the administrator did not allow is an error", () => {
  const text = "outputs: [{ type: mqtt, address: mqtts://broker.example }]";
  assert.match(load(text, { allowed: ["other:8883"] }).errors.join(), /leads to broker\.example:8883, which --allow/);
  for (const allowed of ["broker.example:8883", "broker.example:*"])
    assert.deepEqual(load(text, { allowed: [allowed] }).errors, []);
});

test("without commands nothing is subscribed to, so there can be no primary host", () => {
  const text = "outputs: [{ type: sparkplug, address: mqtt://h, group: g, edgeNode: e, primaryHost: p }]";
  assert.deepEqual(load(text).errors, []);
  assert.match(load(text, { noCommands: true }).errors.join(), /primaryHost needs a subscription/);
});
