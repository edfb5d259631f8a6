// The texts of enumerations at a real server, told in each way that servers have.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { AttributeIds, DataType, ReadRequest, ReadResponse, StatusCodes, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import type { PointDescription } from "../../../../packages/image/src/point.ts";
import { OpcUaSource } from "../../../../packages/partition/src/protocols/opcua/opcua-source.ts";
import { addDoubles, configuredServer, never, nodeNamed } from "../../../plant/opcua-server.ts";
import { OpcUaRig } from "../../../plant/opcua-rig.ts";

const rig = new OpcUaRig({
  policies: [],
  build: (server) => {
    addDoubles(server, ["a"]);
    addEnumeration(server, "mode", ["Off", "On", "Fault\nof pump"]);
    addEnumeration(server, "state", [
      { displayName: "Away", value: -5 },
      { displayName: "Far", value: 70_000 },
    ]);
  },
});

/** A variable whose data type this is. */
function addEnumeration(
  { engine: { addressSpace } }: OPCUAServer,
  name: string,
  enumeration: string[] | { displayName: string; value: number }[],
): void {
  if (addressSpace === null) throw new TypeError("server has no address space");
  const namespace = addressSpace.getOwnNamespace();
  namespace.addVariable({
    organizedBy: addressSpace.rootFolder.objects,
    nodeId: `s=${name}`,
    browseName: name,
    dataType: namespace.addEnumerationType({ browseName: `${name} type`, enumeration }),
    value: new Variant({ dataType: DataType.Int32, value: 1 }),
  });
}

async function described(t: TestContext): Promise<readonly PointDescription[]> {
  const nodes = [nodeNamed("mode"), nodeNamed("a"), nodeNamed("state"), nodeNamed("mode")];
  const source = new OpcUaSource(configuredServer(rig.url, { nodes }), { directory: rig.directory });
  const session = await source.connect(never);
  t.after(() => session.close());
  return source.points;
}

const mode = "0=Off\n1=On\n2=Fault of pump";
const state = "-5=Away\n70000=Far";

test("a point whose type is an enumeration has its texts, and others have none", async (t) => {
  const points = await described(t);
  assert.deepEqual(
    points.map(({ enumeration }) => enumeration),
    [mode, undefined, state, mode],
  );
  assert.deepEqual(
    points.map(({ type }) => type),
    [BuiltInType.Int32, BuiltInType.Null, BuiltInType.Int32, BuiltInType.Int32],
  );
});

/** Changes what is answered for one attribute of any node. */
async function whenAnswered<T>(
  attribute: number,
  answer: (typeof StatusCodes)["BadAttributeIdInvalid"],
  body: () => Promise<T>,
): Promise<T> {
  let asked: ReadRequest | undefined;
  const see = (request: unknown): void => void (asked = request instanceof ReadRequest ? request : asked);
  const change = (response: unknown): void => {
    if (!(response instanceof ReadResponse)) return;
    for (const [index, { attributeId }] of (asked?.nodesToRead ?? []).entries()) {
      const result = response.results?.[index];
      if (attributeId !== attribute || result === undefined) continue;
      result.statusCode = answer;
      result.value = new Variant();
    }
  };
  return await rig.during("request", see, () => rig.during("response", change, body));
}

test("a server without DataTypeDefinition tells them in EnumStrings and EnumValues", async (t) => {
  const points = await whenAnswered(AttributeIds.DataTypeDefinition, StatusCodes.BadAttributeIdInvalid, () =>
    described(t),
  );
  assert.deepEqual(
    points.map(({ enumeration }) => enumeration),
    [mode, undefined, state, mode],
  );
});

test("a server that refuses the types keeps its values", async (t) => {
  const points = await whenAnswered(AttributeIds.DataType, StatusCodes.BadUserAccessDenied, () => described(t));
  assert.ok(points.every(({ enumeration }) => enumeration === undefined));
  assert.ok(points.every(({ name }) => name?.reported !== undefined));
});
