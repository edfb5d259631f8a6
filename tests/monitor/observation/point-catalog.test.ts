import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { PointCatalog, type PointQuery } from "../../../packages/monitor/src/observation/point-catalog.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import type { ServerDescription } from "../../../packages/image/src/directory.ts";
import { pointOf } from "../../image/sample-image.ts";
import { observedPlant } from "../observed-plant.ts";

const all: PointQuery = { search: "", server: "", quality: "", sort: "configuration" };
const UncertainInitialValue = 0x40920000;

function server(alias: string, ...points: readonly Parameters<typeof pointOf>[]): ServerDescription {
  const connection = { key: `C:${alias}`, description: "" };
  return {
    alias,
    connection,
    groups: [{ name: "", intervalMs: 1000, points: points.map((point) => pointOf(...point)) }],
  };
}

function catalogOf(t: TestContext) {
  const plant = observedPlant(
    t,
    server("Kessel", ["Kessel: Druck 10", { unit: "bar" }], ["Kessel: Druck 2", { source: "ns=2;i=7" }]),
    server("Turbine", ["Drehzahl", { description: "Welle <b>A</b>" }], ["Zustand"]),
  );
  const { writer, observed } = plant;
  writer.publish(0, (block) => {
    block.setNumber(0, BuiltInType.Double, 1.25);
    block.setStatus(1, StatusCode.BadTimeout);
  });
  writer.publish(1, (block) => {
    block.setNumber(0, BuiltInType.UInt16, 3000);
    block.setValue(1, { type: BuiltInType.Boolean, value: true }, UncertainInitialValue);
  });
  const { images } = observed.images();
  const catalog = new PointCatalog(images);
  const keys = (query: Partial<PointQuery>, nowMs = Date.now()): readonly string[] =>
    Array.from(catalog.find({ ...all, ...query }, nowMs), (number) => catalog.row(number, nowMs)?.key ?? "");
  return { ...plant, images, catalog, keys };
}

test("a search finds words in key, server, unit, address and description, whatever their case", (t) => {
  const { keys, catalog } = catalogOf(t);
  assert.equal(catalog.count, 4);
  assert.equal(keys({}).length, 4);
  assert.deepEqual(keys({ search: "druck KESSEL" }), ["Kessel: Druck 10", "Kessel: Druck 2"]);
  assert.deepEqual(keys({ search: "bar" }), ["Kessel: Druck 10"]);
  assert.deepEqual(keys({ search: "i=7" }), ["Kessel: Druck 2"]);
  assert.deepEqual(keys({ search: "welle" }), ["Drehzahl"]);
  assert.deepEqual(keys({ search: "nirgends" }), []);
  assert.deepEqual(keys({ server: "Turbine" }), ["Drehzahl", "Zustand"]);
});

test("filters look at the quality that a reader sees, and orders put the worst or the oldest first", (t) => {
  const { keys } = catalogOf(t);
  assert.deepEqual(keys({ quality: "bad" }), ["Kessel: Druck 2"]);
  assert.deepEqual(keys({ quality: "uncertain" }), ["Zustand"]);
  assert.deepEqual(keys({ quality: "good" }), ["Kessel: Druck 10", "Drehzahl"]);
  assert.deepEqual(keys({ quality: "notGood" }), ["Kessel: Druck 2", "Zustand"]);
  assert.deepEqual(keys({ sort: "status" }), ["Kessel: Druck 2", "Zustand", "Kessel: Druck 10", "Drehzahl"]);
  assert.deepEqual(keys({ sort: "point" }), ["Drehzahl", "Kessel: Druck 2", "Kessel: Druck 10", "Zustand"]);
  assert.deepEqual(keys({ sort: "server" }), ["Kessel: Druck 10", "Kessel: Druck 2", "Drehzahl", "Zustand"]);
});

test("a value is old after five seconds or three intervals", (t) => {
  const { keys } = catalogOf(t);
  const laterMs = Date.now() + 6000;
  assert.deepEqual(keys({ quality: "old" }, laterMs), ["Kessel: Druck 10", "Drehzahl", "Zustand"]);
});

test("a writer that is dead or retired leaves no value that looks good", (t) => {
  const { catalog, images, keys } = catalogOf(t);
  catalog.nextTick(images.map((image) => Object.assign(image, { isAlive: false })));
  assert.equal(keys({ quality: "dead" }, Date.now() + 2000).length, 4);
  assert.equal(keys({ quality: "good" }, Date.now() + 4000).length, 0);
});

test("a row has value, unit, status and times, and names that steer nothing", (t) => {
  const { catalog, images } = catalogOf(t);
  const row = catalog.row(0, Date.now());
  assert.deepEqual(
    [row?.id, row?.server, row?.name, row?.value, row?.unit, row?.quality, row?.status, row?.type],
    ["opcua Kessel: Druck 10", "Kessel", "Druck 10", "1.25", "bar", "good", "Good", "Double"],
  );
  assert.equal(catalog.numberOf("opcua Drehzahl"), 2);
  assert.deepEqual(catalog.placeOf(3), {
    service: "opcua",
    point: 3,
    pointsSince: images[0]?.image.pointsSince,
    startedNs: images[0]?.image.startedNs,
  });
  assert.equal(catalog.numberOf("modbus Drehzahl"), undefined);
});

test("values that came since are seen with the next tick", (t) => {
  const { catalog, writer, images } = catalogOf(t);
  assert.equal(catalog.row(2, Date.now())?.value, "3000");
  writer.publish(1, (block) => block.setNumber(0, BuiltInType.UInt16, 3001));
  assert.equal(catalog.row(2, Date.now())?.value, "3000", "one snapshot for everybody");
  catalog.nextTick(images);
  assert.equal(catalog.row(2, Date.now())?.value, "3001");
});

test("an image that was replaced makes another catalog", (t) => {
  const { catalog, writer, observed } = catalogOf(t);
  assert.ok(catalog.isOf(observed.images().images));
  writer.replace([server("Kessel", ["neu"])]);
  assert.equal(catalog.isOf(observed.images().images), false);
});
