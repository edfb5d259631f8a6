// `cpc browse` before a server with structures and enumerations: the XML has the members, and reads their values.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadOpcUaConfiguration } from "../../../packages/partition/src/protocols/opcua/configuration/opc-ua-configuration.ts";
import { OpcUaRig, polled } from "../../plant/opcua-rig.ts";
import { addConstant } from "../../plant/opcua-server.ts";
import { addMotorTypes, motorBody, setDataType, structureOfType } from "../../plant/opcua-structures.ts";
import { Sandbox } from "./cpc.ts";

const rig = new OpcUaRig({
  policies: [],
  build: (server) => {
    const { motor } = addMotorTypes(server);
    addConstant(server, "motor", structureOfType(motor, motorBody(50)));
    setDataType(server, "motor", motor.nodeId);
  },
});

test("the XML has the members of structures, and what it reads are their values", { timeout: 200_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  const { code, stdout, stderr } = await sandbox.ran("browse", rig.url, "--policy", "None", "--xml");
  assert.equal(code, 0, stderr);
  assert.match(stderr + stdout, /No members of ns=1;s=motor \(motor\), array of structures \(Phases\): write <member>/);
  const file = sandbox.write("browsed.xml", stdout);
  const { configuration } = loadOpcUaConfiguration(file, { certificatesDirectory: sandbox.folder });
  const nodes = configuration.servers[0]?.nodes ?? [];
  const paths = nodes.map(({ displayName, member }) => member?.path ?? displayName);
  assert.deepEqual(paths, ["motor", "Drive.Speed", "Drive.Hours", "Drive.Mode", "Curve", "Title", "Spare"]);
  const sink = await polled(await rig.connected({ nodes }));
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((index) => sink.value(index)),
    [50, 0x7fff_ffff_ffff_ffffn, 2, [1, 2, 3], '{"Text":"Pumpe"}'],
  );
});
