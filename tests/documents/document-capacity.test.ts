import assert from "node:assert/strict";
import { test } from "node:test";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { modbusServer, Rendering } from "./documents.ts";

const names = ["eins", "zwei", "drei", "Störung", "fünf"];

function filled(): Rendering {
  const rendering = new Rendering(
    "modbus",
    modbusServer("A", ...names),
    modbusServer("B", "x"),
    modbusServer("C", "y"),
  );
  rendering.poll(0, (sink) => {
    for (const index of names.keys()) sink.setNumber(index, BuiltInType.UInt16, index);
    sink.setStatus(1, StatusCode.BadTimeout);
    sink.setValue(3, { type: BuiltInType.String, value: "Öl" }, StatusCode.Good);
  });
  return rendering.poll(1, (sink) => sink.setNumber(0, BuiltInType.Double, 0.5));
}
const whole = filled().document();
const wholeBytes = Buffer.byteLength(filled().text());

test("whatever the capacity, the document is valid JSON, not longer, and says what is missing", () => {
  const rendering = filled();
  const keys = Object.keys(whole);
  const connections = keys.filter((key) => key.startsWith("ModbusTCP Connections"));
  for (let capacity = wholeBytes + 10; capacity >= 2; capacity--) {
    const { bytes, neededBytes, omitted, missingEntries } = rendering.renderer.render(capacity);
    assert.ok(bytes.length <= capacity, `${bytes.length} bytes in ${capacity}`);
    assert.equal(neededBytes, wholeBytes);
    const document = rendering.document(capacity);
    if (capacity >= wholeBytes) {
      assert.deepEqual([document, omitted, missingEntries], [whole, "nothing", 0]);
      continue;
    }
    const shown = Object.keys(document).filter((key) => key !== "Entries missing");
    for (const server of ["A", "B", "C"]) {
      const own = (all: readonly string[]) => all.filter((key) => key.startsWith(`${server}: `));
      assert.deepEqual(own(shown), own(keys).slice(0, own(shown).length), "points go from the end of each server");
    }
    const shownConnections = shown.filter((key) => connections.includes(key));
    if (shown.length > shownConnections.length) assert.deepEqual(shownConnections, connections, "points go first");
    assert.deepEqual(shownConnections, connections.slice(0, shownConnections.length));
    for (const key of shown) assert.deepEqual(document[key], { ...whole[key], description: "" });
    assert.equal(missingEntries, keys.length - shown.length);
    assert.equal(omitted, missingEntries === 0 ? "descriptions" : "points");
    const missing = document["Entries missing"];
    if (missingEntries === 0) assert.equal(missing, undefined);
    else if (capacity >= 500) assert.deepEqual([missing?.["value"], missing?.["varType"]], [missingEntries, "UInt32"]);
    else if (missing !== undefined) assert.equal(missing["value"], missingEntries);
  }
});

test("a capacity that not even an empty document fits gets no byte", () => {
  for (const capacity of [0, 1]) assert.equal(filled().renderer.render(capacity).bytes.length, 0);
});

test("values go on changing in a document from which points are missing", () => {
  const rendering = filled();
  const capacity = Math.floor(0.7 * wholeBytes);
  assert.ok(rendering.renderer.render(capacity).missingEntries > 0);
  for (const value of [1, 65_535, 0]) {
    rendering.poll(0, (sink) => sink.setNumber(0, BuiltInType.UInt16, value));
    rendering.poll(1, (sink) => sink.setNumber(0, BuiltInType.Double, value));
    assert.equal(rendering.document(capacity)["A: eins"]!["value"], value);
  }
  assert.deepEqual(Object.keys(rendering.document()), Object.keys(whole), "and all come back when there is room");
});

test("a server with many points does not push out another's, nor any connection", () => {
  const many = Array.from({ length: 200 }, (_, index) => `Punkt ${index}`);
  const rendering = new Rendering("modbus", modbusServer("Groß", ...many), modbusServer("Klein", "a", "b", "c", "d"));
  rendering.poll(0, (sink) => {
    for (const index of many.keys()) sink.setNumber(index, BuiltInType.UInt16, index);
  });
  rendering.poll(1, (sink) => {
    for (const index of [0, 1, 2, 3]) sink.setNumber(index, BuiltInType.UInt16, index);
  });
  const keys = Object.keys(rendering.document(Math.floor(0.4 * Buffer.byteLength(rendering.text()))));
  assert.equal(keys.filter((key) => key.endsWith("Connection status")).length, 2);
  assert.ok(keys.includes("Klein: a") && keys.includes("Groß: Punkt 0"));
});
