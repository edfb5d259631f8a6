import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { elementOf, nameOf, serverElementOf, serverNameOf } from "../../packages/bridge/src/names.ts";

/** Any character that UTF-8 has. */
const anyName = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0x2ff }), fc.integer({ min: 0xe000, max: 0x10ffff })), { maxLength: 20 })
  .map((codes) => String.fromCodePoint(...codes));

test("every name becomes one element that no broker misunderstands, and comes back", () => {
  fc.assert(
    fc.property(anyName, (name) => {
      const element = elementOf(name);
      assert.doesNotMatch(element, /[/+#.*>$\s\0]/u);
      assert.equal(nameOf(element), name);
    }),
  );
  assert.equal(elementOf("Abfüllanlage 1/Öl.Temp+#*"), "Abfüllanlage%201%2FÖl%2ETemp%2B%23%2A");
  assert.equal(elementOf("Vorlauf_2-a"), "Vorlauf_2-a");
});

test("two names never become one element", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      assert.equal(elementOf(one) === elementOf(other), one === other);
    }),
  );
  assert.equal(nameOf("%zz"), undefined);
});

test("servers of two services never become one element, whatever their aliases are, and come back", () => {
  const anyServer = fc.record(
    { service: fc.constantFrom("opcua" as const, "modbus" as const), server: anyName },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(anyServer, (name) => {
      const element = serverElementOf(name);
      assert.doesNotMatch(element, /[/+#.*>$\s\0]/u);
      assert.deepEqual(serverNameOf(element), name);
    }),
  );
  assert.equal(serverElementOf({ service: "opcua", server: "Boiler 1" }), "Boiler%201");
  assert.equal(serverElementOf({ service: "modbus", server: "Boiler 1" }), "Boiler%201@modbus");
  assert.equal(serverElementOf({ service: "opcua", server: "Boiler 1@modbus" }), "Boiler%201%40modbus");
  assert.deepEqual([serverNameOf("a@b@c"), serverNameOf("%zz@modbus")], [undefined, undefined]);
});
