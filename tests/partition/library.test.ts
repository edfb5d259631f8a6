// What a program gets that imports the library: the seed's names, and nothing of its own process changed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  ConfigurationError,
  ConsumerPair,
  consumerPairNames,
  main,
  ModbusClientManager,
  modbusTcpService,
  openConsumerPair,
  OpcUaClientManager,
  opcuaService,
  ServerError,
} from "../../packages/partition/src/library.ts";
import { Sandbox } from "./commands/cpc.ts";
import { freePort } from "../plant/free-port.ts";
import { connectionKey, device, modbusXml } from "../plant/modbus-plant.ts";
import { opcUaXml } from "../plant/configuration-xml.ts";

const library = fileURLToPath(new URL("../../packages/partition/src/library.ts", import.meta.url));

test("importing the library changes nothing of the program's console, process and node-opcua", () => {
  const script = `
    import { Variant } from "node-opcua-client";
    import { ClientTCP_transport } from "node-opcua-transport";
    const look = () => ({
      console: Object.entries(console),
      prototypes: [Variant, ClientTCP_transport].flatMap(({ prototype }) =>
        Object.entries(Object.getOwnPropertyDescriptors(prototype)).map(([name, { value }]) => [name, value])),
      listeners: process.eventNames().map((name) => [name, process.listeners(name)]).flat(3),
    });
    const before = look();
    await import(${JSON.stringify(library)});
    const after = look();
    const changed = Object.keys(before).filter((what) =>
      before[what].length !== after[what].length ||
      before[what].flat().some((each, index) => !Object.is(each, after[what].flat()[index])));
    console.log(JSON.stringify(changed));`;
  const options = { encoding: "utf8", cwd: fileURLToPath(new URL("../..", import.meta.url)) } as const;
  const stdout = execFileSync(process.execPath, ["--input-type=module", "-e", script], options);
  assert.equal(stdout, "[]\n");
});

test("connect() needs no signal: it connects, or rejects with what went wrong", async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const closed = await freePort();
  const url = `opc.tcp://127.0.0.1:${closed}`;
  const modbus = new ModbusClientManager();
  const servers = [
    { alias: "A", port },
    { alias: "B", port: closed },
  ];
  modbus.createClients(await modbus.loadEndpointsFromXml(sandbox.write("modbus.xml", modbusXml(...servers))));
  const opcua = new OpcUaClientManager({ certificatesDirectory: sandbox.folder });
  await opcua.parseClients(sandbox.write("opcua.xml", opcUaXml({ alias: "C", url, policy: "None" })));
  const [a, b] = modbus.clients;
  const [c] = opcua.clients;
  assert.ok(a && b && c);
  await a.connect();
  assert.deepEqual(await a.fc03ReadHoldingRegisters(9, 1), { kind: "data", values: [42] });
  await a.disconnect();
  for (const client of [b, c]) {
    await assert.rejects(
      client.connect(),
      (error) => error instanceof ServerError && error.code === "ConnectionFailed",
    );
  }
});

test("a service is a function, too: it publishes until its signal aborts, and a wrong file rejects", async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const pairs = ConsumerPair.createAll(consumerPairNames("modbus", [], sandbox.prefix), 12 * 1024);
  const opened = pairs.map((pair) => openConsumerPair(pair.handle()));
  const stop = new AbortController();
  const ended = modbusTcpService({
    file,
    intervalSeconds: 0.02,
    shmList: opened.map(({ segment }) => segment),
    semaphoreList: opened.map(({ guard }) => guard),
    signal: stop.signal,
  });
  while (sandbox.value("A: always 42") !== 42) await new Promise(setImmediate);
  stop.abort();
  await ended;
  assert.equal(sandbox.value(connectionKey("A")), false);
  for (const pair of pairs) pair.remove();

  const certificatesDirectory = sandbox.folder;
  await assert.rejects(opcuaService({ file, certificatesDirectory }), ConfigurationError);
  const url = `opc.tcp://127.0.0.1:${await freePort()}`;
  const opcua = sandbox.write("opcua.xml", opcUaXml({ alias: "C", url, policy: "None" }));
  const logged: string[] = [];
  const lost = new AbortController();
  const log = (_level: string, message: string): void => {
    logged.push(message);
    if (message.includes(url)) lost.abort();
  };
  await opcuaService({ file: opcua, certificatesDirectory, log, signal: lost.signal });
  assert.match(logged.at(-1) ?? "", /^cannot connect to opc\.tcp:/);
});

test("main runs a command and resolves with its exit code", async (t) => {
  const sandbox = new Sandbox(t);
  const written: string[] = [];
  // The runner of the tests writes bytes there, too.
  const write = process.stdout.write.bind(process.stdout);
  t.mock.method(process.stdout, "write", (text: string | Uint8Array) =>
    typeof text === "string" ? written.push(text) > 0 : write(text),
  );
  const code = await main(["node", "cpc", "--version"]);
  t.mock.restoreAll();
  const { version } = JSON.parse(
    readFileSync(new URL("../../packages/partition/package.json", import.meta.url), "utf8"),
  ) as {
    version: string;
  };
  assert.deepEqual([code, written], [0, [`${version}\n`]]);
  assert.equal(await main(["node", "cpc", "check", sandbox.write("wrong.xml", "<modbus-servers/>")]), 2);
  assert.equal(process.exitCode, undefined, "the end of the process is the program's own");
});
