import assert from "node:assert/strict";
import { test } from "node:test";

import { imageOf, pointOf, poll, serverOf } from "../../../image/sample-image.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import type { MissingImage } from "../../../../packages/image/src/health.ts";
import { ConnectionState } from "../../../../packages/image/src/layout.ts";
import { ChosenPoints } from "../../../../packages/partition/src/commands/watch/chosen-points.ts";
import { detailLines } from "../../../../packages/partition/src/commands/watch/detail.ts";
import { overview, type Paint } from "../../../../packages/partition/src/commands/watch/screen.ts";
import { newView } from "../../../../packages/partition/src/commands/watch/view.ts";
import { lookAt, pointsOf } from "../../../../packages/partition/src/commands/watch/watched-plant.ts";

const plain: Paint = (_, text) => text;
const badStatus = 0x80ab0000;

/** Twelve servers of three points; the last one is lost, and one point of the first is bad. */
function plant() {
  const servers = Array.from({ length: 12 }, (_, index) => serverOf(`Server ${index}`, 0, 0, 0));
  const { reader, blocks } = imageOf(...servers);
  blocks.forEach((block, index) => {
    poll(block, (sink) => {
      for (let point = 0; point < 3; point++) {
        sink.setNumber(point, BuiltInType.Double, index + point / 10);
        if (index === 0 && point === 1) sink.setStatus(point, badStatus);
      }
    });
    if (index === 11) block.publish(ConnectionState.lost, 1);
  });
  return { reader, points: pointsOf(reader) };
}

function screenOf(
  columns: number,
  rows: number,
  view = newView("", "configuration"),
  missing: readonly MissingImage[] = [],
) {
  const { reader, points } = plant();
  const look = lookAt([reader], points, [], missing, Date.now());
  const chosen = new ChosenPoints().of(look, view.filter, view.sort);
  return overview(look, chosen, view, "", { columns, rows }, plain).lines;
}

test("lost servers come first, and servers take a third of the screen at most", () => {
  const lines = screenOf(100, 24);
  assert.equal(lines.length, 24);
  assert.match(lines[0] ?? "", /^36 points, 1 bad, 1 server group not connected$/);
  assert.match(lines[2] ?? "", /^Server 11 +not connected/);
  const servers = lines.findIndex((line) => line === "") - 1;
  assert.ok(servers <= 8, `${servers} of 24 lines`);
  assert.match(lines.at(-2) ?? "", /^points 1 to 10 of 36, sorted by configuration, 5 more server groups$/);
});

test("the first line says which image is missing", () => {
  const [missing = ""] = screenOf(200, 24, undefined, [{ service: "opcua", startedNs: 0n, isStarting: false }]);
  const [starting = ""] = screenOf(200, 24, undefined, [{ service: "opcua", startedNs: 0n, isStarting: true }]);
  assert.match(missing, /^opcua has NO PROCESS IMAGE: its partition runs .* log says why .*\. 36 points, 1 bad/);
  assert.match(starting, /^opcua has no process image yet\. 36 points, 1 bad/);
});

test("no line is wider than the terminal, down to 40 columns, and the value stays", () => {
  for (const columns of [40, 60, 79, 80, 119, 120, 200]) {
    for (const rows of [10, 24, 60]) {
      const lines = screenOf(columns, rows);
      assert.ok(lines.length <= rows, `${lines.length} lines on ${rows}`);
      for (const line of lines) assert.ok(line.length <= columns, `${columns}: ${line}`);
      assert.ok(lines.some((line) => / 0\.0 +Good/.test(line)));
    }
  }
});

test("the filter finds keys and statuses, and the order by status begins with what is not good", () => {
  assert.match(screenOf(100, 24, newView("server 3", "configuration")).at(-2) ?? "", /^points 1 to 3 of 3 \(of 36\)/);
  assert.match(screenOf(100, 24, newView("badinvalid", "configuration")).at(-2) ?? "", / of 1 \(of 36\)/);
  const lines = screenOf(120, 40, newView("", "status"));
  const head = lines.findIndex((line) => /^Server +Point /.test(line));
  assert.match(lines[head + 1] ?? "", /^Server 0 .* 0\.1 .*Bad/);
});

test("the detail has the whole value, its times, the address and the description, and texts of servers steer no terminal", () => {
  const server = serverOf("A", 1000);
  const [group] = server.groups;
  assert.ok(group);
  const source = 'ns=2;s=Tank "\u009b31mTank"';
  const points = [pointOf("A: Tank", { capacityBytes: 1000, unit: "°C", source, type: BuiltInType.String })];
  const { reader, blocks } = imageOf({ ...server, groups: [{ ...group, points }] });
  const text = `begin ${"x".repeat(150)} end`;
  poll(blocks[0] ?? assert.fail(), (sink) =>
    sink.setValue(0, { type: BuiltInType.String, value: text }, 0, { unixMs: 1_700_000_000_000, subMsNs: 0 }),
  );
  const watched = pointsOf(reader);
  const look = lookAt([reader], watched, [], [], Date.now());
  const lines = detailLines(look, watched[0] ?? assert.fail(), [], { columns: 60, rows: 24 }, plain);
  const all = lines.map((line) => line.slice(13)).join("");
  assert.ok(all.includes(`"${text}" °C`), "whole, over several lines");
  assert.ok(lines.every((line) => line.length <= 60));
  assert.match(lines.join("\n"), /Status +Good \(0x00000000\)\nType +String\nSource time +2023-11-14 22:13:20\.000Z/);
  assert.match(lines.join("\n"), /Address +ns=2;s=Tank "\\u009b31mTank"\nDescription +about A: Tank\n/);
});
