import assert from "node:assert/strict";
import { test } from "node:test";

import { assert as assertProperty, integer, nat, property } from "fast-check";

import { imageOf, serverOf } from "../../../image/sample-image.ts";
import { lookAt, pointsOf } from "../../../../packages/partition/src/commands/watch/watched-plant.ts";
import { overview } from "../../../../packages/partition/src/commands/watch/screen.ts";
import { firstRow, newView, nothingShown, press } from "../../../../packages/partition/src/commands/watch/view.ts";

const { reader } = imageOf(serverOf("A", ...Array.from({ length: 30 }, () => 0)), serverOf("B", 0));
const points = pointsOf(reader);
const look = lookAt([reader], points, [], [], Date.now());

/** A view of some rows, and a function that presses a key as somebody who sees the screen. */
function seen(rows: number) {
  const view = newView("", "configuration");
  let shown = nothingShown;
  const show = (): readonly string[] => {
    const screen = overview(look, points, view, "", { columns: 100, rows }, (_, text) => text);
    ({ shown } = screen);
    return screen.lines;
  };
  show();
  const pressed = (name: string, text = ""): boolean => {
    const goesOn = press(view, text, { name }, shown);
    show();
    return goesOn;
  };
  return { view, show, pressed, room: () => shown.room.points };
}

test("keys move the chosen row, and the screen follows it", () => {
  const { view, pressed, room } = seen(20);
  const chosen = (): number => view.rows.points.chosen;
  pressed("down");
  pressed("j", "j");
  pressed("up");
  assert.equal(chosen(), 1);
  pressed("k", "k");
  pressed("k", "k");
  assert.equal(chosen(), 0, "there is nothing above the first");
  pressed("pagedown");
  assert.equal(chosen(), room());
  pressed("g", "G");
  assert.deepEqual([chosen(), view.rows.points.first], [30, 31 - room()]);
  pressed("home");
  assert.deepEqual([chosen(), view.rows.points.first], [0, 0]);
});

test("a filter begins at its first hit, takes every printable key, and Esc clears it", () => {
  const { view, pressed } = seen(20);
  pressed("end");
  for (const key of ["/", "q", "s", "j"]) assert.equal(pressed(key, key), true);
  assert.deepEqual([view.filter, view.rows.points.chosen], ["qsj", 0]);
  pressed("backspace");
  pressed("return");
  assert.deepEqual([view.filter, view.isTyping], ["qs", false]);
  pressed("escape");
  assert.equal(view.filter, "");
  assert.equal(pressed("q", "q"), false);
});

test("Enter shows a point's detail, keys go on to its neighbours, and Esc comes back to the row", () => {
  const { view, pressed } = seen(20);
  pressed("down");
  pressed("return");
  assert.deepEqual(view.detail, { service: "modbus", key: "A: 1" });
  pressed("down");
  assert.deepEqual(view.detail, { service: "modbus", key: "A: 2" });
  pressed("escape");
  assert.deepEqual([view.detail, view.rows.points.chosen], [undefined, 2]);
});

test("Tab leads to the servers, and Enter to the points of the chosen one", () => {
  const { view, pressed } = seen(20);
  pressed("tab");
  pressed("down");
  assert.deepEqual([view.rows.servers.chosen, view.rows.points.chosen], [1, 0]);
  pressed("return");
  assert.deepEqual([view.filter, view.pane], ["B", "points"]);
});

test("Ctrl+C ends whatever is shown, and any key leaves the help", () => {
  const { view, pressed } = seen(20);
  pressed("", "?");
  assert.equal(view.isHelp, true);
  pressed("space", " ");
  assert.equal(view.isHelp, false);
  pressed("", "/");
  assert.equal(press(view, "\u0003", { name: "c", ctrl: true }, nothingShown), false);
});

test("property: the chosen row is on the screen, and no line stays empty while there are rows for it", () => {
  const natural = nat({ max: 200 });
  assertProperty(
    property(natural, natural, integer({ min: 1, max: 50 }), natural, (chosen, first, room, extra) => {
      const count = chosen + 1 + extra;
      const row = firstRow({ chosen, first }, room, count);
      assert.ok(row >= 0 && row <= chosen && chosen < row + room);
      assert.ok(row + room <= Math.max(count, room));
    }),
  );
});

test("the point in detail stays the chosen one when the order changes, and its detail ends with it", () => {
  const view = newView("", "configuration");
  view.detail = { service: "modbus", key: "A: 3" };
  const show = (shown: typeof points): void =>
    void overview(look, shown, view, "", { columns: 100, rows: 20 }, (_, text) => text);
  show(points.toReversed());
  assert.equal(view.rows.points.chosen, points.length - 1 - 3);
  show(points.slice(0, 3));
  assert.equal(view.detail, undefined);
});
