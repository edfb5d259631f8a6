import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeResponse } from "../../../../../packages/partition/src/protocols/modbus/pdu.ts";
import { violation } from "../../../../../packages/partition/src/protocols/modbus/connection/judge-reply.ts";

const asked = { functionCode: 3, address: 0, quantity: 1 } as const;

function because(...pdu: readonly number[]): string {
  const bytes = new DataView(Uint8Array.from(pdu).buffer);
  const judged = decodeResponse(bytes, 0, pdu.length, asked);
  assert.ok(judged.kind === "malformed");
  return violation(judged, undefined).because;
}

test("an exception without our function code, as pymodbus 3.8 has for an unknown unit id, points at <unitId>", () => {
  assert.equal(
    because(0x80, 0x0b),
    "a reply had function code 128 where 3 was due; some devices answer so for a unit id that they do not have: check <unitId>",
  );
});

test("the reply to another function does not", () => {
  assert.equal(because(4, 2, 0, 0), "a reply had function code 4 where 3 was due");
});
