import assert from "node:assert/strict";
import { test } from "node:test";
import { movingStructure } from "../../../packages/simulator/src/opcua-plant/moving-structure.ts";
import { opcUaNode } from "../../plant/plant-configuration.ts";

/** What is asked of it, and nothing more: structures are their fields. */
const addressSpace = {
  getOwnNamespace: () => ({
    createDataType: ({ browseName }: { readonly browseName: string }) => ({ nodeId: browseName }),
    addObject: () => ({}),
  }),
  constructExtensionObject: (_type: unknown, fields: unknown) => fields,
} as unknown as Parameters<typeof movingStructure>[0];

function valueOf(indexRange: string | undefined, ...paths: readonly (readonly (string | number)[])[]): unknown {
  const owner = opcUaNode("Line", indexRange === undefined ? {} : { indexRange });
  const members = paths.map((steps) =>
    opcUaNode(steps.join("."), { member: { owner: 0, path: steps.join("."), steps } }),
  );
  return movingStructure(addressSpace, owner, members).valueAt(0);
}

function leaves(value: unknown): number {
  return typeof value === "object" && value !== null
    ? Object.values(value).reduce((sum: number, one) => sum + leaves(one), 0)
    : 1;
}

test("each path leads to a member, through arrays as long as the paths need", () => {
  const value = valueOf(undefined, ["rows", 2, "cells", 3, "x"], ["rows", 0, "y"]) as {
    readonly rows: readonly { readonly cells: readonly { readonly x: number }[]; readonly y: number }[];
  };
  assert.deepEqual([value.rows.length, value.rows[2]?.cells.length], [3, 4]);
  assert.equal(typeof value.rows[2]?.cells[3]?.x, "number");
  assert.equal(typeof value.rows[0]?.y, "number");
});

test("a structure has no more elements than a machine can make, however deep and far its paths lead", () => {
  assert.ok(leaves(valueOf(undefined, ["a", 9_999_999])) <= 10_000);
  assert.ok(leaves(valueOf("0:9999999", ["a"])) <= 10_000);
  assert.ok(leaves(valueOf("0:999", ["a", 999, "b", 999, "c", 999])) <= 10_000);
});
