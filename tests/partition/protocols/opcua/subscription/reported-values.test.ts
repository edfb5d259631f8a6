import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, DataValue, Variant, VariantArrayType } from "node-opcua-client";
import type { OpcUaItem } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { ReportedValues } from "../../../../../packages/partition/src/protocols/opcua/subscription/reported-values.ts";

const int64 = (value: number): Variant =>
  new Variant({ dataType: DataType.Int64, arrayType: VariantArrayType.Scalar, value: [0, value] });
const array = (...value: number[]): Variant =>
  new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value });

function agrees(before: Variant, after: Variant, deadband: OpcUaItem["deadband"]): boolean {
  const reported = new ReportedValues(1);
  reported.set(0, new DataValue({ value: before }));
  return reported.agrees(0, new DataValue({ value: after }), { deadband, trigger: "StatusValue" } as OpcUaItem);
}

test("a server that filters 64-bit integers and arrays by a deadband is not suspected", () => {
  const five = { kind: "Absolute", value: 5 } as const;
  const none = { kind: "Absolute", value: 0 } as const;
  assert.equal(agrees(int64(100), int64(104), five), true);
  assert.equal(agrees(int64(100), int64(106), five), false);
  assert.equal(agrees(int64(100), int64(104), none), false);
  assert.equal(agrees(array(1, 2), array(1, 6), five), true);
  assert.equal(agrees(array(1, 2), array(1, 8), five), false);
  assert.equal(agrees(array(1, 2), array(1, 2, 3), five), false);
  assert.equal(
    agrees(array(1, 2), array(1, 900), { kind: "Percent", value: 1 }),
    true,
    "only the server knows the range",
  );
});
