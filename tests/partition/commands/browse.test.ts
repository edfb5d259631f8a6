// `cpc browse` before a real server: a tree with circles, pages, units and types; its XML goes through `check` and `run`.

import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DataType, NodeId, StatusCodes, Variant, VariantArrayType } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { OpcUaRig } from "../../plant/opcua-rig.ts";
import { recordOpcUa } from "../../plant/recording-proxy.ts";
import { certificateIn, portOf } from "../../plant/opcua-server.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };
const manyNodes = 450;

function build(server: OPCUAServer): void {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  const namespace = addressSpace.registerNamespace("urn:plant:tanks");
  const id = (name: string) => new NodeId(NodeId.NodeIdType.STRING, name, namespace.index);
  const tank = namespace.addObject({
    browseName: "Tank",
    nodeId: id("Tank"),
    organizedBy: addressSpace.rootFolder.objects,
  });
  namespace.addAnalogDataItem({
    browseName: "Level",
    nodeId: id("Tank.Level"),
    componentOf: tank,
    dataType: "Double",
    description: "Füllstand",
    engineeringUnitsRange: { low: 0, high: 10 },
    engineeringUnits: { displayName: { text: "m" }, namespaceUri: "", unitId: 1, description: { text: "metre" } },
    value: new Variant({ dataType: DataType.Double, value: 2.5 }),
  });
  const pump = namespace.addObject({ browseName: "Pump", nodeId: id("Tank.Pump"), componentOf: tank });
  namespace.addVariable({
    browseName: "Speeds",
    nodeId: id("Tank.Pump.Speeds"),
    componentOf: pump,
    dataType: "Int32",
    valueRank: 1,
    arrayDimensions: [0],
    value: new Variant({ dataType: DataType.Int32, arrayType: VariantArrayType.Array, value: [1, 2] }),
  });
  const secret = namespace.addVariable({
    browseName: "Secret",
    nodeId: id("Tank.Secret"),
    componentOf: tank,
    dataType: "Double",
  });
  secret.setValueFromSource(new Variant({ dataType: DataType.Double, value: 1 }), StatusCodes.BadNotReadable);
  // A circle, and a second way to the same node.
  pump.addReference({ referenceType: "Organizes", nodeId: tank.nodeId });
  addressSpace.rootFolder.objects.addReference({ referenceType: "Organizes", nodeId: pump.nodeId });
  const many = namespace.addObject({
    browseName: "Many",
    nodeId: id("Many"),
    organizedBy: addressSpace.rootFolder.objects,
  });
  for (let number = 0; number < manyNodes; number++) {
    namespace.addVariable({
      browseName: `v${number}`,
      nodeId: id(`v${number}`),
      componentOf: many,
      dataType: "UInt16",
      value: new Variant({ dataType: DataType.UInt16, value: number }),
    });
  }
}

const rig = new OpcUaRig({ build, policies: ["Basic256Sha256", "Aes256_Sha256_RsaPss"] });

test(
  "browse shows names, types, values, units and descriptions, each node once, and only browses and reads",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const proxy = await recordOpcUa(portOf(rig.url));
    t.after(() => proxy.close());
    const url = `opc.tcp://127.0.0.1:${proxy.port}`;
    const { code, stdout, stderr } = await sandbox.cpc(["browse", url, "--policy", "None"]).ended;
    assert.equal(code, 0, stderr);
    const lines = stdout.split("\n");
    const at = lines.findIndex((line) => line.startsWith("Tank  ("));
    const below = lines.slice(
      at + 1,
      lines.findIndex((line, index) => index > at && !line.startsWith(" ")),
    );
    assert.ok(below.includes("  Level  Double  2.5 m  ns=2;s=Tank.Level  Füllstand"), stdout.slice(0, 2000));
    assert.ok(lines.some((line) => line.trim() === "Speeds  Int32[]  [1,2]  ns=2;s=Tank.Pump.Speeds"));
    assert.ok(lines.some((line) => line.trim() === "Secret  Double  BadNotReadable  ns=2;s=Tank.Secret"));
    assert.equal(lines.filter((line) => line.includes("(ns=2;s=Tank.Pump)")).length, 1);
    assert.equal(lines.filter((line) => / {2}v\d+ {2}UInt16 /.test(line)).length, manyNodes);
    assert.doesNotMatch(stdout, /EngineeringUnits|EURange|ServerStatus/);
    assert.match(stderr, /^453 variables, None\/None$/m);
    const allowed =
      "Hello OpenSecureChannel CloseSecureChannel GetEndpoints CreateSession ActivateSession CloseSession";
    const seen = new Set(proxy.requests.map(({ service }) => service));
    assert.deepEqual(
      [...seen].filter((service) => !`${allowed} Browse BrowseNext Read`.split(" ").includes(service)),
      [],
    );

    const filtered = await sandbox.ran("browse", url, "--policy", "None", "--filter", "*tank.l*");
    assert.deepEqual(
      filtered.stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.trim().split("  ")[0]),
      ["Tank", "Level"],
    );
    const none = await sandbox.ran("browse", url, "--policy", "None", "--filter", "nothing");
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no variable of 453 has a name or node id like nothing/);
    const cut = await sandbox.ran("browse", url, "--policy", "None", "--most", "10");
    assert.match(cut.stderr, /there are more than 10 nodes; begin further down with --from, or allow more with --most/);
  },
);

test("--from takes a variable, and says when there is no such node or nothing to read", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const gone = await sandbox.ran("browse", rig.url, "--policy", "None", "--from", "ns=2;s=Tnak", "--xml");
  assert.equal(gone.code, 1);
  assert.match(
    gone.stderr,
    /^cannot browse from ns=2;s=Tnak because the server answers BadNodeIdUnknown; without --from all nodes are shown, with their ids$/m,
  );
  const one = await sandbox.ran("browse", rig.url, "--policy", "None", "--from", "ns=2;s=Tank.Level");
  assert.deepEqual([one.code, one.stdout], [0, "Level  Double  2.5 m  ns=2;s=Tank.Level  Füllstand\n"]);
  const empty = await sandbox.ran("browse", rig.url, "--policy", "None", "--from", "i=23470");
  assert.deepEqual([empty.code, empty.stdout], [1, ""]);
  assert.match(empty.stderr, /^i=23470 has no variable, and none is below it$/m);
});

test(
  "the strongest security that is offered is used, and an unknown certificate is refused as run does",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const refused = await sandbox.ran("browse", rig.url, "--from", "ns=2;s=Tank");
    assert.equal(refused.code, 1);
    const [, fingerprint = ""] = /certificate, SHA-256 (\S+), is refused/.exec(refused.stderr) ?? [];
    assert.notEqual(fingerprint, "", refused.stderr);
    assert.equal((await sandbox.ran("cert", "trust", fingerprint)).code, 0);
    const { code, stdout, stderr } = await sandbox.ran("browse", rig.url, "--from", "ns=2;s=Tank");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /3 variables, Aes256_Sha256_RsaPss\/SignAndEncrypt/);
    assert.match(stdout, /^Level {2}Double {2}2\.5 m/m);
  },
);

test("a server whose certificate is for another host is reached with exactly that certificate", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const args = ["browse", `opc.tcp://localhost:${portOf(rig.url)}`, "--from", "ns=2;s=Tank"];
  const refused = await sandbox.ran(...args);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /is refused \(Trusted, HostName\).*for cpc browse in --server-certificate/);
  const [, kept = ""] = /It was kept as (\S+\.der)/.exec(refused.stderr) ?? [];
  const own = join(sandbox.folder, "server.der");
  copyFileSync(kept, own);
  const { code, stdout, stderr } = await sandbox.ran(...args, "--xml", "--server-certificate", own);
  assert.equal(code, 0, stderr);
  assert.ok(stdout.includes(`<server_certificate>${own}</server_certificate>`), stdout);
  const checked = await sandbox.ran("check", sandbox.write("opcua.xml", stdout));
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  const other = await certificateIn(sandbox.folder, "other");
  const pinned = await sandbox.ran(...args, "--server-certificate", other.certificateFile);
  assert.equal(pinned.code, 1);
  assert.match(pinned.stderr, /is refused \(Pinned\)/);
});

test("the XML of a server is what check accepts and run reads", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const args = ["browse", rig.url, "--policy", "None", "--from", "ns=2;s=Tank", "--xml", "--alias", "Tank farm"];
  const { code, stdout, stderr } = await sandbox.ran(...args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /<!-- Left out: ns=2;s=Tank\.Secret \(Secret\): BadNotReadable -->/);
  assert.match(stdout, /<NamespaceUri>urn:plant:tanks<\/NamespaceUri>/);
  assert.match(stdout, /<engineeringUnit>m<\/engineeringUnit>/);
  const file = sandbox.write("opcua.xml", stdout);
  const checked = await sandbox.ran("check", file);
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  const run = sandbox.run("--opcua", file);
  await run.until("the level is there", () => sandbox.value("2:Level", "opcua_shm") === 2.5);
  await run.until("the array is there", () => Array.isArray(sandbox.value("2:Speeds", "opcua_shm")));
});

test("browse says what cannot be reached or is no address", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  for (const [args, expected, message] of [
    [["http://x"], 2, /not an endpoint URL; use opc\.tcp/],
    [["opc.tcp://127.0.0.1:1"], 1, /nothing listens there/],
    [[rig.url, "--from", "nonsense"], 2, /It must be a node id/],
    [[rig.url, "--user", "a", "--policy", "None"], 1, /cannot log in without a password; give --password-file/],
  ] as const) {
    const { code, stderr } = await sandbox.ran("browse", ...args);
    assert.equal(code, expected, stderr);
    assert.match(stderr, message);
  }
});
