import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { BuiltInType, builtInTypeName } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Value } from "../../packages/image/src/values/value.ts";
import type { DocumentSettings } from "../../packages/documents/src/document-form.ts";
import { modbusServer, Rendering, type Document } from "./documents.ts";

const { UInt16, Int64, UInt64, Double, DateTime, String: Text } = BuiltInType;

test("a Modbus document is what the reference's consumers read, entry by entry, in configuration order", () => {
  const rendering = new Rendering("modbus", modbusServer("Ecotec", "Druck", "Störung"), modbusServer("B", "x"));
  rendering.poll(0, (sink) => {
    sink.setNumber(0, UInt16, 1234);
    sink.setNumber(1, BuiltInType.Boolean, 1);
  });
  rendering.poll(1, (sink) => sink.setNumber(0, UInt16, 7));
  const connection = { value: true, varType: "Boolean", description: "Connection status to the Modbus server" };
  const expected = {
    "ModbusTCP Connections:Ecotec: Connection status": connection,
    "Ecotec: Druck": { value: 1234, varType: "UInt16", description: "Beschreibung Druck" },
    "Ecotec: Störung": { value: true, varType: "Boolean", description: "Beschreibung Störung" },
    "ModbusTCP Connections:B: Connection status": connection,
    "B: x": { value: 7, varType: "UInt16", description: "Beschreibung x" },
  };
  // As text, so that the order of the keys counts, too.
  assert.equal(JSON.stringify(rendering.document()), JSON.stringify(expected));
});

test("a server that is not connected has only its connection entry, with false", () => {
  const rendering = new Rendering("modbus", modbusServer("A", "x"), modbusServer("B", "y"));
  rendering.poll(0, (sink) => sink.setNumber(0, UInt16, 1)).poll(1, (sink) => sink.setNumber(0, UInt16, 2));
  for (const state of [
    ConnectionState.waiting,
    ConnectionState.connecting,
    ConnectionState.lost,
    ConnectionState.stopped,
  ]) {
    rendering.show(0, state);
    const document = rendering.document();
    assert.deepEqual(Object.keys(document), [
      "ModbusTCP Connections:A: Connection status",
      "ModbusTCP Connections:B: Connection status",
      "B: y",
    ]);
    assert.equal(document["ModbusTCP Connections:A: Connection status"]!["value"], false);
    assert.equal(document["B: y"]!["value"], 2);
  }
  assert.equal(rendering.poll(0).document()["A: x"]!["value"], 1);
});

test("a point that cannot be read is left out, and comes back as it was, while the others stay where they are", () => {
  const rendering = new Rendering("modbus", modbusServer("A", "x", "y", "z"));
  const isBad = (...bad: readonly number[]): Document => {
    rendering.poll(0, (sink) => {
      for (const index of [0, 1, 2]) sink.setNumber(index, UInt16, index + 7);
      for (const index of bad) sink.setStatus(index, StatusCode.BadOutOfRange);
    });
    return rendering.document();
  };
  const all = isBad();
  const { bytes } = rendering.renderer.render(Infinity);
  for (const bad of [[0], [1, 2], [], [0, 1, 2], [2], []]) {
    const names = ["x", "y", "z"].filter((_, index) => !bad.includes(index));
    const document = isBad(...bad);
    assert.deepEqual(
      Object.keys(document).slice(1),
      names.map((name) => `A: ${name}`),
    );
    for (const name of names) assert.deepEqual(document[`A: ${name}`], all[`A: ${name}`]);
    assert.equal(rendering.renderer.render(Infinity).bytes, bytes, "what comes and goes costs no new layout");
  }
});

test("a point without a value yet is left out", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x", "y"));
  rendering.poll(0, (sink) => sink.setNumber(1, UInt16, 5));
  assert.deepEqual(Object.keys(rendering.document()).slice(1), ["A: y"]);
  rendering.poll(0, (sink) => sink.setNumber(0, UInt16, 4));
  assert.deepEqual(Object.keys(rendering.document()).slice(1), ["A: x", "A: y"], "in configuration order");
});

test("null is no value: its entry is left out, whatever its type", () => {
  const types = [Text, BuiltInType.ByteString, Double, DateTime, BuiltInType.LocalizedText, BuiltInType.Null];
  for (const type of types) {
    const rendering = new Rendering("opcua", modbusServer("A", "x", "y"));
    const show = (value: Value): readonly string[] =>
      Object.keys(rendering.values(value, { type: UInt16, value: 3 }).document()).slice(1);
    assert.deepEqual(show({ type, value: null }), ["A: y"], String(type));
    if (type !== Text) continue;
    assert.deepEqual(show({ type, value: "null" }), ["A: x", "A: y"], "a text that says null is a text");
    assert.deepEqual(show({ type, value: null }), ["A: y"]);
    assert.deepEqual(show({ type, value: "null" }), ["A: x", "A: y"]);
  }
});

test("on demand, what cannot be read is a text in the words of its service, with its status, and disturbs no other", () => {
  const texts = { modbus: "ERROR READING VALUE", opcua: "Error reading value" } as const;
  for (const service of ["modbus", "opcua"] as const) {
    const rendering = new Rendering(service, modbusServer("A", "x", "y"));
    const renderer = rendering.fresh({ unreadable: "text" });
    const unreadable = { value: texts[service], varType: "String", description: "Beschreibung x" };
    for (const status of [StatusCode.BadOutOfRange, StatusCode.Good, StatusCode.BadTimeout]) {
      rendering.poll(0, (sink) => {
        sink.setNumber(0, UInt16, 4);
        if (status !== StatusCode.Good) sink.setStatus(0, status);
        sink.setNumber(1, UInt16, 5);
      });
      const { "A: x": x, "A: y": y } = rendering.document(Infinity, renderer);
      const good = { value: 4, varType: "UInt16", description: "Beschreibung x" };
      assert.deepEqual(x, status === StatusCode.Good ? good : { ...unreadable, statusCode: status });
      assert.deepEqual(y, { value: 5, varType: "UInt16", description: "Beschreibung y" });
    }
  }
});

test("an uncertain value is shown, with its status", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x"));
  rendering.poll(0, (sink) => sink.setValue(0, { type: Double, value: 1.5 }, 0x40920000));
  const expected = { value: 1.5, varType: "Double", description: "Beschreibung x", statusCode: 0x40920000 };
  assert.deepEqual(rendering.document()["A: x"], expected);
});

test("a value that is now good and now uncertain costs one new layout, not one each time", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x"));
  const bytesWith = (status: number): Uint8Array => {
    rendering.poll(0, (sink) => sink.setValue(0, { type: Double, value: 1.5 }, status));
    assert.equal(rendering.document()["A: x"]!["statusCode"], status === 0 ? undefined : status);
    return rendering.renderer.render(Infinity).bytes;
  };
  bytesWith(0);
  const bytes = bytesWith(0x40920000);
  for (const status of [0, 0x40930000, 0, 0x40000000]) assert.equal(bytesWith(status), bytes);
});

test("two points that take turns in being bad, uncertain or longer do not make each other's room small again", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x", "y"));
  const layouts = new Set<Uint8Array>();
  for (let round = 0; round < 12; round++) {
    rendering.poll(0, (sink) => {
      sink.setValue(0, { type: Double, value: round }, round % 2 === 0 ? 0 : 0x40920000);
      sink.setValue(1, { type: Text, value: "y".repeat(round % 2 === 0 ? 100 : 1) }, 0);
      if (round % 4 === 0) sink.setStatus(1, StatusCode.BadTimeout);
    });
    assert.equal(rendering.document()["A: x"]!["value"], round);
    layouts.add(rendering.renderer.render(Infinity).bytes);
  }
  assert.ok(layouts.size <= 3, `${layouts.size} layouts`);
});

test("a value that was cut is not shown as if it were whole", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x"));
  rendering.values({ type: Text, value: "x".repeat(257) });
  assert.equal(rendering.document()["A: x"], undefined);
  assert.deepEqual(rendering.document(Infinity, rendering.fresh({ unreadable: "text" }))["A: x"], {
    value: "Error reading value",
    varType: "String",
    description: "Beschreibung x",
    statusCode: StatusCode.BadEncodingLimitsExceeded,
  });
});

const everyKind: readonly (readonly [Value, unknown])[] = [
  [{ type: UInt16, value: 65_535 }, 65_535],
  [{ type: Text, value: "text" }, "text"],
  [{ type: BuiltInType.Boolean, value: false }, false],
  [{ type: Double, value: [1, 2.5] }, [1, 2.5]],
  [{ type: Double, value: [1, 2, 3, 4], dimensions: [2, 2] }, [[1, 2], [3, 4]]], // prettier-ignore
  [{ type: BuiltInType.SByte, value: -128 }, -128],
  [
    { type: BuiltInType.LocalizedText, value: '{"Locale":"de","Text":"Öl"}' },
    { Locale: "de", Text: "Öl" },
  ],
  [{ type: BuiltInType.ByteString, value: Uint8Array.of(1, 2, 255) }, "AQL/"],
];

test("a value of each type stands as its type says", () => {
  for (const [value, expected] of everyKind) {
    const entry = new Rendering("opcua", modbusServer("A", "x")).values(value).document()["A: x"];
    assert.deepEqual(entry, { value: expected, varType: builtInTypeName(value.type), description: "Beschreibung x" });
  }
});

test("an entry never changes its type: a value of another type, or an array in place of one value, is left out and told once", () => {
  for (const [first, expected] of everyKind) {
    const rendering = new Rendering("opcua", modbusServer("A", "x"));
    rendering.values(first).document();
    for (const [value] of [...everyKind, ...everyKind]) {
      const entry = rendering.values(value).document()["A: x"];
      assert.deepEqual(entry?.["value"], value === first ? expected : undefined);
      rendering.values({ type: first.type, value: null });
    }
    assert.deepEqual(rendering.retyped, ["A: x"]);
  }
});

test("on demand of texts for what cannot be read, an entry may change its type", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x"));
  const renderer = rendering.fresh({ unreadable: "text" });
  for (const [value, expected] of everyKind) {
    const entry = rendering.values(value).document(Infinity, renderer)["A: x"];
    assert.deepEqual(entry, { value: expected, varType: builtInTypeName(value.type), description: "Beschreibung x" });
  }
});

/** The text of the first point's value, as it stands in the document. */
function shown(value: Value, settings: DocumentSettings = {}): string {
  const rendering = new Rendering("opcua", modbusServer("A", "x")).values(value);
  const text = rendering.text(Infinity, rendering.fresh(settings));
  return /"A: x":\{"value": *(.*),"varType"/.exec(text)?.[1] ?? "";
}

test("64-bit integers have all their digits", () => {
  for (const value of [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, 0n, -1n])
    assert.equal(shown({ type: Int64, value }), String(value));
  for (const value of [2n ** 64n - 1n, 2n ** 53n + 1n, 0n]) assert.equal(shown({ type: UInt64, value }), String(value));
  assert.equal(shown({ type: UInt64, value: [0n, 2n ** 64n - 1n] }), "[0,18446744073709551615]");
});

test("numbers that JSON has no words for are those of Python's json, and a float looks like one", () => {
  const texts: readonly (readonly [number, string])[] = [
    [NaN, "NaN"],
    [Infinity, "Infinity"],
    [-Infinity, "-Infinity"],
    [-0, "-0.0"],
    [0, "0.0"],
    [100, "100.0"],
    [-1e21, "-1e+21"],
    [-999_999_999_999_999_900_000, "-999999999999999900000.0"],
    [0.1, "0.1"],
    [-2.2250738585072014e-308, "-2.2250738585072014e-308"],
    [999_999_999.999999, "999999999.999999"],
  ];
  for (const [value, text] of texts) {
    assert.equal(shown({ type: Double, value }), text);
    assert.equal(shown({ type: Double, value: [value] }), `[${text}]`);
    const strict = Number.isFinite(value) ? text : `"${text}"`;
    assert.equal(shown({ type: Double, value }, { strictJson: true }), strict);
    assert.equal(shown({ type: Double, value: [value] }, { strictJson: true }), `[${strict}]`);
  }
  assert.equal(shown({ type: BuiltInType.Float, value: NaN }), "NaN");
  assert.equal(shown({ type: BuiltInType.Float, value: NaN }, { strictJson: true }), '"NaN"');
});

test("every double comes back from the document as it was", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x"));
  const measured = fc.integer({ min: -1e9, max: 1e9 }).map((value) => value / 1000);
  fc.assert(
    fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), measured), (value) => {
      const back = rendering.values({ type: Double, value }).document()["A: x"]!["value"];
      assert.ok(Object.is(back, value));
    }),
    { numRuns: 2000 },
  );
});

test("dates are ISO texts with as many decimals as needed, and end where the standard ends", () => {
  const unixEpoch = 116_444_736_000_000_000n;
  const texts: readonly (readonly [bigint, string])[] = [
    [0n, "0001-01-01T00:00:00Z"],
    [-1n, "0001-01-01T00:00:00Z"],
    [1n, "1601-01-01T00:00:00.0000001Z"],
    [unixEpoch, "1970-01-01T00:00:00Z"],
    [unixEpoch - 1n, "1969-12-31T23:59:59.9999999Z"],
    [unixEpoch + 1_234_567n, "1970-01-01T00:00:00.1234567Z"],
    [unixEpoch + 5_000_000n, "1970-01-01T00:00:00.5Z"],
    [2_650_467_743_989_999_999n, "9999-12-31T23:59:58.9999999Z"],
    [2_650_467_743_990_000_000n, "9999-12-31T23:59:59Z"],
    [2n ** 63n - 1n, "9999-12-31T23:59:59Z"],
  ];
  for (const [value, text] of texts) assert.equal(shown({ type: DateTime, value }), `"${text}"`);
});

test("names and texts may hold anything: the document stays valid JSON with exactly these keys", () => {
  const names = [
    "__proto__",
    "toString",
    'a"b\\c',
    "\n\t\u0000\u001f\u007f",
    "\u2028\u2029",
    "\u{1f600}",
    "1",
    "0",
    "",
    "{}",
  ];
  const rendering = new Rendering("opcua", modbusServer("__proto__", ...names));
  rendering.values(...names.map((value): Value => ({ type: Text, value })));
  const document = rendering.document();
  assert.deepEqual(
    Object.keys(document).slice(1),
    names.map((name) => `__proto__: ${name}`),
  );
  for (const name of names) assert.equal(document[`__proto__: ${name}`]!["value"], name);
});

test("a key that is __proto__ itself is an entry like any other", () => {
  const server = modbusServer("A", "x");
  const group = server.groups[0]!;
  const points = [{ ...group.points[0]!, key: "__proto__", description: "__proto__" }];
  const groups = [{ ...group, points }];
  const document = new Rendering("opcua", { ...server, groups }).values({ type: UInt16, value: 3 }).document();
  assert.deepEqual(Object.getOwnPropertyDescriptor(document, "__proto__")?.value, {
    value: 3,
    varType: "UInt16",
    description: "__proto__",
  });
});

test("half a surrogate pair becomes a replacement character", () => {
  assert.equal(shown({ type: Text, value: "\ud83d!" }), '"\ufffd!"');
});

test("a text may grow and shrink from poll to poll", () => {
  const rendering = new Rendering("opcua", modbusServer("A", "x", "y"));
  for (const length of [0, 3, 19, 20, 255, 1, 0, 100]) {
    rendering.values({ type: Text, value: "ü".repeat(length / 2) }, { type: UInt16, value: length });
    const { "A: x": x, "A: y": y } = rendering.document();
    assert.deepEqual([x?.["value"], y?.["value"]], ["ü".repeat(length / 2), length]);
  }
});

test("a matrix whose dimensions do not fit its elements, however large they claim to be, is shown without hanging", () => {
  for (const dimensions of [
    [4_294_967_295, 0],
    [4_294_967_295, 4_294_967_295],
    [2, 3],
    [0, 0],
  ]) {
    const text = shown({ type: UInt16, value: [1, 2, 3, 4], dimensions });
    assert.deepEqual((JSON.parse(text) as unknown[]).flat(Infinity), [1, 2, 3, 4], String(dimensions));
  }
  assert.equal(shown({ type: UInt16, value: [], dimensions: [4_294_967_295, 0] }), "[]");
});
