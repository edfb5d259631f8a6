import assert from "node:assert/strict";
import { test } from "node:test";

import { modbusFormat } from "../../../../packages/partition/src/protocols/modbus/modbus-format.ts";
import { run, server } from "../../../plant/modbus-points.ts";

test("the plan says of each connection how requests travel, where that is not the usual way", () => {
  const servers = [
    server(502, run(0, 1)),
    server(503, run(0, 1), { alias: "B", maxInFlight: 8, tolerates: ["unitId", "byteCount"] }),
    server(504, run(0, 1), { alias: "C", framing: "rtu" }),
  ];
  const { tables } = modbusFormat.plan({ file: "test.xml", servers } as never, 1000);
  assert.deepEqual(
    tables[1]?.rows.map(([connection]) => connection),
    ["127.0.0.1:502", "127.0.0.1:503, 8 requests at a time, any unitId, any byteCount", "127.0.0.1:504, RTU"],
  );
});

test("the plan says what the service asks for in a second, and how many threads will read it", () => {
  const servers = [server(502, run(0, 250)), server(503, run(0, 50, { intervalMs: 100 }), { alias: "B" })];
  const { tables } = modbusFormat.plan({ file: "test.xml", servers } as never, 1000);
  assert.deepEqual(tables[2]?.rows, [["12", "750", "0.06 %", 1]]);
});
