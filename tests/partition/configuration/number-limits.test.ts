// Every field of both grammars that holds a number, at its limits and one step beyond them. The fields and their limits are read from the
// XSDs, so that a field that is added is tried, too; only what the grammar does not say stands here.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import type { ModbusConfiguration } from "../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import {
  decimalToNumber,
  parseDecimal,
} from "../../../packages/partition/src/protocols/modbus/configuration/decimal.ts";
import { loadModbusConfiguration } from "../../../packages/partition/src/protocols/modbus/configuration/modbus-configuration.ts";
import { loadOpcUaConfiguration } from "../../../packages/partition/src/protocols/opcua/configuration/opc-ua-configuration.ts";
import { ConfigurationError } from "../../../packages/partition/src/configuration/problem.ts";

const folder = mkdtempSync(join(tmpdir(), `cpc-limits-${process.pid}-`));
after(() => rmSync(folder, { recursive: true }));

type Grammar = "modbustcp-endpoints" | "opcua-endpoints";

/** A place where a number can stand: `around` is the document with `?` in that place. */
interface Field {
  readonly element: string;
  readonly grammar: Grammar;
  readonly around: string;
  readonly min: number;
  readonly max: number;
  /** Smallest difference that counts. */
  readonly step: number;
}

function modbus(endpoint: Readonly<Record<string, string>>, server: string, settings: string): string {
  const { port = "502", address = "0", quantity = "1", offset = "-1" } = endpoint;
  return (
    `<modbus-servers><server><ipaddr>192.0.2.1</ipaddr><port>${port}</port><serveralias>S</serveralias>${server}` +
    `<endpoints><endpoint><name>N</name><function>Read Holding Registers</function><address>${address}</address>` +
    `<quantity>${quantity}</quantity><offset>${offset}</offset><type/><description/>${settings}</endpoint></endpoints>` +
    "</server></modbus-servers>"
  );
}

function opcua(node: Readonly<Record<string, string>>, server: string, settings: string): string {
  const { port = "4840", NamespaceIndex = "2", Identifier = "1" } = node;
  return (
    `<opcua-servers><server><server_app_uri>opc.tcp://192.0.2.1:${port}/</server_app_uri><client_app_uri>urn:a</client_app_uri>` +
    `<alias>S</alias><acquisition>subscribe</acquisition>${server}<security><policy>SecurityPolicyBasic256Sha256</policy><mode>Sign</mode></security><nodes><node>` +
    `<DisplayName>N</DisplayName><NamespaceIndex>${NamespaceIndex}</NamespaceIndex><IdentifierType>Numeric</IdentifierType>` +
    `<Identifier>${Identifier}</Identifier><datatype>Double</datatype><description/>${settings}</node></nodes></server></opcua-servers>`
  );
}

interface Limits {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** By type name: the number types of a grammar. */
function numberTypes(xsd: string): ReadonlyMap<string, Limits> {
  const found = new Map<string, Limits>();
  for (const [type, name] of xsd.matchAll(/<xs:simpleType name="(\w+)">[^]*?<\/xs:simpleType>/g)) {
    const base = /<xs:restriction base="xs:(integer|decimal)"/.exec(type)?.[1];
    const min = Number(/<xs:minInclusive value="([^"]+)"/.exec(type)?.[1]);
    const max = Number(/<xs:maxInclusive value="([^"]+)"/.exec(type)?.[1]);
    if (base === undefined) continue;
    assert.ok(min < max, `${name} has both limits`);
    found.set(name ?? "", { min, max, step: base === "integer" ? 1 : 0.0001 });
  }
  return found;
}

/** Elements of a group stand in settings, the others in their fixed place. */
function fieldsOf(grammar: Grammar): readonly Field[] {
  const xsd = readFileSync(join(import.meta.dirname, `../../../packages/partition/config/${grammar}.xsd`), "utf8");
  const types = numberTypes(xsd);
  const build = grammar === "opcua-endpoints" ? opcua : modbus;
  const fields: Field[] = [];
  for (const [section, kind, group = ""] of xsd.matchAll(/<xs:(group|complexType) name="(\w+)"[^]*?<\/xs:\1>/g)) {
    for (const [, element = "", type = ""] of section.matchAll(/<xs:element name="(\w+)" type="(\w+)"/g)) {
      const limits = types.get(type);
      // A scale factor stands near its value: the cases modbus-scale-factor have its limits.
      if (limits === undefined || element === "scaleFactor") continue;
      // A member of a structure is a node behind the first: the cases opcua-members have its limits.
      if (group === "MemberSetting") continue;
      const setting = `<${element}>?</${element}>`;
      let around = build({ [element]: "?" }, "", "");
      if (kind === "group") around = group === "ServerSetting" ? build({}, setting, "") : build({}, "", setting);
      assert.ok(around.includes("?"), `${element} of ${grammar} has a place in the document of this test`);
      fields.push({ element, grammar, around, ...limits });
    }
  }
  return fields;
}

/** Limits that are not in the grammar. */
const inCode: readonly Field[] = [
  {
    element: "server_app_uri",
    grammar: "opcua-endpoints",
    around: opcua({ port: "?" }, "", ""),
    min: 1,
    max: 65_535,
    step: 1,
  },
  {
    element: "Identifier",
    grammar: "opcua-endpoints",
    around: opcua({ Identifier: "?" }, "", ""),
    min: 0,
    max: 2 ** 32 - 1,
    step: 1,
  },
];

const fields = [...fieldsOf("modbustcp-endpoints"), ...fieldsOf("opcua-endpoints"), ...inCode];

function load({ grammar, around }: Field, value: string): unknown {
  const file = join(folder, "input.xml");
  writeFileSync(file, around.replace("?", value));
  const options = { certificatesDirectory: folder };
  return grammar === "opcua-endpoints"
    ? loadOpcUaConfiguration(file, options).configuration
    : loadModbusConfiguration(file, options).configuration;
}

function refused(field: Field, value: string): void {
  assert.throws(
    () => load(field, value),
    (error: unknown) => {
      assert.ok(error instanceof ConfigurationError, String(error));
      assert.ok(error.problems.length > 0);
      for (const { line, message } of error.problems) {
        assert.equal(line, 1);
        assert.ok(message.startsWith(`<${field.element}> is `), message);
      }
      return true;
    },
    `${field.element} ${value} was not refused`,
  );
}

/** The number in plain digits. */
function written(value: number, { step }: Field): string {
  return step === 1 ? String(value) : value.toFixed(4).replace(/\.?0+$/, "");
}

/** Every number in a configuration, always in the same order: lengths of lists, and ports in URLs, too. */
function numbersIn(value: unknown): number[] {
  if (typeof value === "number") return [value];
  if (typeof value === "string") return [Number(/:(\d+)\//.exec(value)?.[1])];
  if (Array.isArray(value)) return [value.length, ...numbersIn(value[0])];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((part) => numbersIn(part));
}

/** Where the field stands in the configuration, there is this number, and not only there by chance. */
function carried(field: Field, value: number): void {
  const { element, min, step } = field;
  // Durations are held in milliseconds.
  const expected = step === 1 || element.startsWith("deadband") ? value : Math.round(value * 1e6) / 1e3;
  const other = numbersIn(load(field, written(value === min ? min + step : min, field)));
  const numbers = numbersIn(load(field, written(value, field)));
  assert.equal(numbers.length, other.length);
  const changed = numbers.filter((number, place) => !Object.is(number, other[place]));
  assert.ok(changed.includes(expected), `${changed.join()} instead of ${expected}`);
}

test("both grammars have the number fields that are known, each in every place", () => {
  const names = fields.map(({ grammar, element }) => `${grammar.split("-")[0]} ${element}`).toSorted();
  assert.deepEqual(names, [
    "modbustcp address",
    "modbustcp interval",
    "modbustcp interval",
    "modbustcp maxGap",
    "modbustcp maxInFlight",
    "modbustcp maxRegistersPerRequest",
    "modbustcp offset",
    "modbustcp pauseAfterConnect",
    "modbustcp pauseBetweenRequests",
    "modbustcp port",
    "modbustcp quantity",
    "modbustcp retryInterval",
    "modbustcp timeout",
    "modbustcp unitId",
    "modbustcp unitId",
    "opcua Identifier",
    "opcua NamespaceIndex",
    "opcua capacity",
    "opcua deadband",
    "opcua deadbandPercent",
    "opcua interval",
    "opcua interval",
    "opcua maxNodesPerRead",
    "opcua publishingInterval",
    "opcua queueSize",
    "opcua quietCheckInterval",
    "opcua retryInterval",
    "opcua samplingInterval",
    "opcua server_app_uri",
    "opcua timeout",
  ]);
});

for (const field of fields) {
  const { element, grammar, min, max, step } = field;
  describe(`${element} of ${grammar}`, () => {
    for (const value of [min, min + step, max - step, max]) {
      test(`${written(value, field)} is carried exactly`, () => carried(field, value));
    }
    for (const value of [min - step, max + step, -(2 ** 63), 2 ** 63, 2 ** 64]) {
      test(`${written(value, field)} is refused`, () => refused(field, written(value, field)));
    }
    test("what is no number, or is written as none, is refused", () => {
      const wrong = [
        "",
        " ",
        "one",
        "0x",
        "0x1g",
        "-0x1",
        "1e0",
        "1,0",
        "--1",
        "+-1",
        "1 1",
        "NaN",
        "INF",
        "Infinity",
        "١",
        "１",
        "1_0",
        "1n",
        "9".repeat(400),
      ];
      wrong.push(...(step === 1 ? ["1.5", "1.", ".1"] : ["0x1"]));
      for (const value of wrong) refused(field, value);
    });
  });
}

for (const element of ["scale", "bias"] as const) {
  test(`${element} takes every finite number that a Double can tell from 0, and no other`, () => {
    const field: Field = {
      element,
      grammar: "modbustcp-endpoints",
      around: modbus({}, "", `<${element}>?</${element}>`),
      min: 0,
      max: 0,
      step: 1,
    };
    for (const value of ["1.7976931348623157e308", "-1.7976931348623157E+308", "5e-324", "-.5", "+2.", "0.1"]) {
      const { servers } = load(field, value) as ModbusConfiguration;
      const decimal = parseDecimal(servers[0]?.points[0]?.[element] ?? assert.fail());
      assert.equal(decimalToNumber(decimal), Number(value));
    }
    for (const value of [
      "1.8e308",
      "-1.8e308",
      "NaN",
      "INF",
      "0x1",
      "1,5",
      "",
      "1e",
      "e1",
      ".",
      `0.${"1".repeat(49)}`,
      ...(element === "scale" ? ["0", "-0", "1e-400"] : []),
    ]) {
      assert.throws(() => load(field, value), ConfigurationError, value);
    }
  });
}
