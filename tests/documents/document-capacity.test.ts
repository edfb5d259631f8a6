import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import * as fc from "fast-check";

import type { ServerDescription } from "../../packages/image/src/directory.ts";
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

/** Of an entry without its description, to a few bytes: its value has a slot of the width of its type. */
function bareBytes(key: string): number {
  const { varType } = whole[key] as { readonly varType: keyof typeof slotBytes };
  return Buffer.byteLength(key) + varType.length + slotBytes[varType];
}
const slotBytes = { UInt16: 5, Double: 25, String: 21 };

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
      const lost = own(keys).filter((key) => !shown.includes(key));
      const longestKept = Math.max(0, ...own(shown).map(bareBytes));
      assert.ok(
        lost.every((key) => bareBytes(key) >= longestKept),
        `longer points go first: ${lost.join()}`,
      );
    }
    const shownConnections = shown.filter((key) => connections.includes(key));
    if (shown.length > shownConnections.length) assert.deepEqual(shownConnections, connections, "points go first");
    assert.deepEqual(shownConnections, connections.slice(0, shownConnections.length));
    for (const key of shown)
      assert.ok(
        ["", whole[key]?.["description"]].some((description) =>
          isDeepStrictEqual(document[key], { ...whole[key], description }),
        ),
        JSON.stringify(document[key]),
      );
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

/** With room for long texts in the image. */
function roomy(alias: string, ...pointNames: readonly string[]): ServerDescription {
  const server = modbusServer(alias, ...pointNames);
  const groups = server.groups.map((group) => ({
    ...group,
    points: group.points.map((point) => ({ ...point, capacityBytes: 20_000 })),
  }));
  return { ...server, groups };
}

const anyServers = fc.array(
  fc.record({ points: fc.integer({ min: 1, max: 12 }), long: fc.option(fc.integer({ min: 0, max: 20_000 })) }),
  { minLength: 1, maxLength: 5 },
);

/** Each server has short numbers, and maybe a last point with a long text. */
function rendered(servers: readonly { readonly points: number; readonly long: number | null }[]): Rendering {
  const named = servers.map(({ points }, at) => Array.from({ length: points + 1 }, (_, index) => `S${at} ${index}`));
  const rendering = new Rendering("modbus", ...named.map((own, at) => roomy(`S${at}`, ...own)));
  for (const [at, { points, long }] of servers.entries())
    rendering.poll(at, (sink) => {
      for (let index = 0; index < points; index++) sink.setNumber(index, BuiltInType.UInt16, index);
      if (long !== null) sink.setValue(points, { type: BuiltInType.String, value: "x".repeat(long) }, StatusCode.Good);
    });
  return rendering;
}

test("every connection is there whenever all of them fit, and what is shown is as it would be alone", () => {
  fc.assert(
    fc.property(anyServers, fc.integer({ min: 0, max: 30_000 }), (servers, extraBytes) => {
      const rendering = rendered(servers);
      const all = rendering.document();
      const connections = Object.keys(all).filter((key) => key.endsWith("Connection status"));
      const capacity = 250 * connections.length + 200 + extraBytes;
      const document = rendering.document(capacity);
      for (const key of connections) assert.ok(document[key] !== undefined, key);
      for (const [key, entry] of Object.entries(document)) {
        if (key === "Entries missing") continue;
        assert.deepEqual({ ...entry, description: "" }, { ...all[key], description: "" });
      }
    }),
  );
});

test("a text of any length in one server costs no other entry anything where all fit without it", () => {
  fc.assert(
    fc.property(anyServers, fc.integer({ min: 2000, max: 20_000 }), fc.nat(), (servers, long, victim) => {
      const calm = servers.map(({ points }) => ({ points, long: null }));
      const before = rendered(calm).document();
      const capacity = Buffer.byteLength(rendered(calm).text()) + 200;
      const at = victim % servers.length;
      const rendering = rendered(calm.map(({ points }, index) => ({ points, long: index === at ? long : null })));
      const { "Entries missing": missing, ...after } = rendering.document(capacity);
      if (Buffer.byteLength(rendering.text()) <= capacity) return;
      assert.equal(missing?.["value"], 1);
      assert.deepEqual(after, before);
    }),
  );
});

test("a server cannot take the share of another one, whatever it sends", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 100, max: 20_000 }), (evil, long) => {
      const own = ["a", "b", "c", "d"];
      const bad = Array.from({ length: evil }, (_, index) => `evil ${index}`);
      const rendering = new Rendering("modbus", roomy("Bad", ...bad), modbusServer("Good", ...own));
      rendering.poll(0, (sink) => {
        for (const index of bad.keys())
          sink.setValue(index, { type: BuiltInType.String, value: "x".repeat(long) }, StatusCode.Good);
      });
      rendering.poll(1, (sink) => {
        for (const index of own.keys()) sink.setNumber(index, BuiltInType.UInt16, index);
      });
      // As a configuration would reserve it: something for each point.
      const document = rendering.document(800 + 150 * (own.length + evil));
      for (const name of own) assert.ok(document[`Good: ${name}`] !== undefined, name);
    }),
  );
});
