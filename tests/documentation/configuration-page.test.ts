// The tables of docs/configuration.md beside the grammars and the code: the same elements, limits, words and defaults in all three.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import type { ElementGrammar } from "../../packages/partition/src/configuration/grammar.ts";
import { mostPoints } from "../../packages/partition/src/configuration/most-points.ts";
import { compileSchema } from "../../packages/partition/src/configuration/parse-xml.ts";
import { mostProblems } from "../../packages/partition/src/configuration/problem.ts";
import { largestFileBytes } from "../../packages/partition/src/configuration/read-xml-text.ts";
import { loadModbusConfiguration } from "../../packages/partition/src/protocols/modbus/configuration/modbus-configuration.ts";
import { registerTypes } from "../../packages/partition/src/protocols/modbus/configuration/register-types.ts";
import { MAX_REGISTERS_PER_REQUEST } from "../../packages/partition/src/protocols/modbus/pdu.ts";
import { loadOpcUaConfiguration } from "../../packages/partition/src/protocols/opcua/configuration/opc-ua-configuration.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/configuration.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), `cpc-page-${process.pid}-`));
after(() => rmSync(folder, { recursive: true }));

function grammarOf(name: string): { readonly xsd: string; readonly grammar: ElementGrammar } {
  const xsd = readFileSync(join(root, `packages/partition/config/${name}-endpoints.xsd`), "utf8");
  return { xsd, grammar: compileSchema(xsd).grammar };
}
const modbus = grammarOf("modbustcp");
const opcua = grammarOf("opcua");

interface Row {
  readonly element: string;
  readonly isOptional: boolean;
  readonly meaning: string;
  readonly default: string;
}

/** Tables whose first column is `head`. */
function tables(head: string): readonly (readonly Row[])[] {
  return [...page.matchAll(/(?:^\|.*\|\n)+/gm)].flatMap(([table]) => {
    const [title, , ...rows] = table.trim().split("\n").map(cellsOf);
    if (title?.[0] !== head) return [];
    return [rows.map((cells) => rowOf(cells))];
  });
}

function cellsOf(line: string): readonly string[] {
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}

function rowOf([element = "", kind = "", ...others]: readonly string[]): Row {
  const [meaning = "", otherwise = ""] = others;
  return { element: element.replaceAll("`", ""), isOptional: kind.startsWith("optional"), meaning, default: otherwise };
}

const [modbusServer, tls, endpoint, opcuaServer, item, security, node, member, ...noOthers] = tables("element");

function descend({ grammar }: { readonly grammar: ElementGrammar }, ...path: readonly string[]): ElementGrammar {
  return path.reduce((at, name) => at.children.get(name) ?? assert.fail(name), grammar);
}

const containers = [
  ["modbus server", modbus, descend(modbus, "server"), [modbusServer]],
  ["tls", modbus, descend(modbus, "server", "tls"), [tls]],
  ["endpoint", modbus, descend(modbus, "server", "endpoints", "endpoint"), [endpoint]],
  ["opcua server", opcua, descend(opcua, "server"), [opcuaServer, item]],
  ["security", opcua, descend(opcua, "server", "security"), [security]],
  ["node", opcua, descend(opcua, "server", "nodes", "node"), [node, item]],
  ["member", opcua, descend(opcua, "server", "nodes", "node", "member"), [member]],
] as const;

function rowsOf(own: readonly (readonly Row[] | undefined)[]): readonly Row[] {
  return own.flatMap((table) => table ?? assert.fail("a table is missing"));
}

test("every element of the grammars has its row, required or optional as there, and there are no others", () => {
  assert.deepEqual(noOthers, []);
  for (const [name, , grammar, own] of containers) {
    const expected = grammar.slots.flatMap(({ elements, isRequired }) =>
      elements.map((element) => [element.name, isRequired]),
    );
    const found = rowsOf(own).map(({ element, isOptional }) => [element, !isOptional]);
    assert.deepEqual(new Map(found as [string, boolean][]), new Map(expected as [string, boolean][]), name);
  }
});

/** `0.001` and `86400` of a number type, the length of a text type. */
function limitsOf(xsd: string, typeName: string): readonly string[] {
  const [type = ""] = new RegExp(`<xs:simpleType name="${typeName}">[^]*?</xs:simpleType>`).exec(xsd) ?? [];
  const limit = (kind: string): string | undefined => new RegExp(`<xs:${kind} value="([^"]+)"`).exec(type)?.[1];
  const min = limit("minInclusive");
  const length = limit("maxLength");
  return [
    ...(min === undefined ? [] : [`${min} to ${limit("maxInclusive")}`]),
    ...(length === undefined ? [] : [`at most ${length} characters`]),
  ];
}

test("the limits of every element are those of the grammar, on the page and in its messages", () => {
  const missing: string[] = [];
  let limits = 0;
  for (const [name, { xsd }, { slots }, own] of containers) {
    const rows = rowsOf(own);
    for (const { name: element, value } of slots.flatMap(({ elements }) => elements))
      for (const words of limitsOf(xsd, value?.typeName ?? "")) {
        const { meaning = "" } = rows.find((row) => row.element === element) ?? {};
        if (!meaning.includes(words)) missing.push(`page: ${words} of <${element}> of ${name}`);
        const numbers = words.match(/-?\d+(?:\.\d+)?/g) ?? [];
        if (!numbers.every((number) => value?.allowed?.includes(number)))
          missing.push(`grammar: ${words} of <${element}> of ${name}`);
        limits++;
      }
  }
  assert.deepEqual(missing, []);
  assert.ok(limits > 30, `${limits} limits`);
});

test("every word that an element takes is on the page and in its messages", () => {
  const missing: string[] = [];
  const anywhere = containers.flatMap(([, , , own]) => rowsOf(own));
  for (const [name, , { slots }] of containers) {
    for (const { name: element, value } of slots.flatMap(({ elements }) => elements)) {
      const { words = [], allowed = "" } = value ?? {};
      const rows = anywhere.filter((row) => row.element === element);
      // Types and policies have tables of their own.
      const listed = tables(`\`${element}\``).flatMap((table) => table.flatMap((row) => row.element.split(", ")));
      const told = `${rows.map((row) => `${row.meaning} ${row.default}`).join()} ${listed.map((word) => `\`${word}\``).join()}`;
      for (const word of words.filter((one) => one !== "false")) {
        if (!told.includes(`\`${word}\``)) missing.push(`page: ${word} of <${element}> of ${name}`);
        if (!allowed.includes(word)) missing.push(`grammar: ${word} of <${element}> of ${name}`);
      }
    }
  }
  assert.deepEqual(missing, []);
});

/** What has to stand beside an element so that it may be there. */
const beside: Readonly<Record<string, string>> = {
  half: "<dataType>Int8</dataType>",
  encoding: "<dataType>String</dataType>",
  charactersPerRegister: "<dataType>String</dataType>",
};

/** A configuration with one setting more, all on one line. */
function configuration(container: string, setting: string): unknown {
  const file = join(folder, "input.xml");
  const isModbus = container === "modbus server" || container === "endpoint";
  const server = container.endsWith("server") ? setting : "";
  writeFileSync(
    file,
    isModbus
      ? `<modbus-servers><server><ipaddr>192.0.2.1</ipaddr><port>502</port><serveralias>S</serveralias>${server}
      <endpoints><endpoint><name>N</name><function>FC03</function><address>0</address><quantity>1</quantity><offset>-1</offset><type/>
      <description/>${container === "endpoint" ? setting : ""}</endpoint></endpoints></server></modbus-servers>`
      : `<opcua-servers><server><server_app_uri>opc.tcp://192.0.2.1:4840/</server_app_uri><client_app_uri>urn:a</client_app_uri>
      <alias>S</alias>${server}<security><policy>SecurityPolicyBasic256Sha256</policy><mode>Sign</mode>${container === "security" ? setting : ""}</security>
      <nodes><node><DisplayName>N</DisplayName><NamespaceIndex>2</NamespaceIndex><IdentifierType>Numeric</IdentifierType><Identifier>1</Identifier>
      <datatype>Double</datatype><description/>${container === "node" ? setting : ""}</node></nodes></server></opcua-servers>`,
  );
  const options = { certificatesDirectory: folder };
  return isModbus
    ? loadModbusConfiguration(file, options).configuration
    : loadOpcUaConfiguration(file, options).configuration;
}

test("a default that the page names is the default of the code, and the one in the grammar", () => {
  let defaults = 0;
  for (const [container, { xsd }, , own] of containers) {
    if (container === "tls" || container === "member") continue;
    for (const { element, default: otherwise } of rowsOf(own)) {
      const value = /^(?:\d+(?:\.\d+)?|false|keep|tcp|low|read|ABCD|UTF-8|StatusValue)(?=$|[:,])/.exec(otherwise)?.[0];
      // Only an upper bound of what the server decides.
      if (value === undefined || element === "maxNodesPerRead") continue;
      defaults++;
      const isItem = item?.some((row) => row.element === element) === true || element === "quietCheckInterval";
      const around = `${isItem ? "<acquisition>subscribe</acquisition>" : ""}${beside[element] ?? ""}`;
      const explicit = `${around}<${element}>${value}</${element}>`;
      assert.deepEqual(configuration(container, explicit), configuration(container, around), `${container} ${element}`);
      const told = [...xsd.matchAll(new RegExp(`<xs:element name="${element}" type[^]*?</xs:element>`, "g"))].join();
      assert.ok(told.includes(`Default: ${value}`), `${container} ${element}: ${told}`);
    }
  }
  assert.ok(defaults > 25, `${defaults} defaults`);
});

test("limits that no grammar has are on the page as the code has them", () => {
  assert.ok(page.includes(`larger than ${largestFileBytes / 2 ** 20} MiB`));
  assert.ok(page.includes(`at most ${mostPoints.toLocaleString("en-US")} points`));
  assert.ok(page.includes(`lists the first ${mostProblems} errors`));
  assert.equal(limitsOf(modbus.xsd, "RegistersPerRequest")[0], `1 to ${MAX_REGISTERS_PER_REQUEST}`);
  const types = endpoint?.find(({ element }) => element === "dataType") === undefined ? [] : Object.keys(registerTypes);
  assert.deepEqual(descend(modbus, "server", "endpoints", "endpoint", "dataType").value?.words, types);
});
