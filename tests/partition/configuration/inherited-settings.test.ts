// Settings that cannot work together are refused wherever each of them stands: at the point, at its server, or on the command line.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { ConfigurationError } from "../../../packages/partition/src/configuration/problem.ts";
import type { ReadConfiguration } from "../../../packages/partition/src/protocols/configuration-format.ts";
import type { OpcUaServer } from "../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { modbusFormat } from "../../../packages/partition/src/protocols/modbus/modbus-format.ts";
import { opcUaFormat } from "../../../packages/partition/src/protocols/opcua/opcua-format.ts";

const folder = mkdtempSync(join(tmpdir(), `cpc-inherited-${process.pid}-`));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "input.xml");

type Level = "point" | "server" | "service";
interface Setting {
  readonly element: string;
  readonly text: string;
  readonly levels: readonly Level[];
}
type Placed = readonly (readonly [Level, Setting])[];

/** Every way to spread the settings over their levels. */
function placements([setting, ...others]: readonly Setting[]): readonly Placed[] {
  if (setting === undefined) return [[]];
  const rests = placements(others);
  return setting.levels.flatMap((level) => rests.map((rest) => ([[level, setting]] as Placed).concat(rest)));
}

function at(level: Level, placed: Placed): string {
  return placed
    .filter(([own]) => own === level)
    .map(([, { element, text }]) => `<${element}>${text}</${element}>`)
    .join("");
}

function named(placed: Placed): string {
  return placed.map(([level, { element, text }]) => `${element} ${text} of the ${level}`).join(", ");
}

type Read = (placed: Placed, datatype?: string) => ReadConfiguration;

/** `datatype`: behind a slash a member. */
function nodeXml(datatype: string, settings: string, identifier = 1): string {
  const [type = "", path] = datatype.split("/");
  const member = path === undefined ? "" : `<member><path>${path}</path><datatype>Double</datatype></member>`;
  return `<node><DisplayName>N</DisplayName><NamespaceIndex>2</NamespaceIndex><IdentifierType>Numeric</IdentifierType>
    <Identifier>${identifier}</Identifier><datatype>${type}</datatype><description/>${member}${settings}</node>`;
}

function serviceMs(placed: Placed, otherwise: number): number {
  const service = placed.find(([level]) => level === "service");
  return service === undefined ? otherwise : Number(service[1].text) * 1000;
}

function readOpcUa(placed: Placed, datatype = "Double", others = ""): ReadConfiguration {
  writeFileSync(
    file,
    `<opcua-servers><server><server_app_uri>opc.tcp://192.0.2.1:4840/</server_app_uri><client_app_uri>urn:a</client_app_uri>
    <alias>S</alias>${at("server", placed)}<security><policy>SecurityPolicyBasic256Sha256</policy><mode>Sign</mode></security>
    <nodes>${nodeXml(datatype, at("point", placed))}${others}</nodes></server></opcua-servers>`,
  );
  return opcUaFormat.read([file], { certificatesDirectory: folder, intervalMs: serviceMs(placed, 1000) });
}

function readModbus(placed: Placed): ReadConfiguration {
  writeFileSync(
    file,
    `<modbus-servers><server><ipaddr>192.0.2.1</ipaddr><port>502</port><serveralias>S</serveralias>${at("server", placed)}
    <endpoints><endpoint><name>N</name><function>FC03</function><address>0</address><quantity>1</quantity><offset>-1</offset>
    <type/><description/>${at("point", placed)}</endpoint></endpoints></server></modbus-servers>`,
  );
  return modbusFormat.read([file], { certificatesDirectory: folder, intervalMs: serviceMs(placed, 10_000) });
}

const both: readonly Level[] = ["server", "point"];
const anywhere: readonly Level[] = ["service", ...both];
const subscribe: Setting = { element: "acquisition", text: "subscribe", levels: both };

interface Combination {
  readonly what: string;
  readonly read: Read;
  readonly datatype?: string;
  readonly settings: readonly Setting[];
  readonly error: RegExp;
  /** What makes it work. */
  readonly instead: { readonly datatype?: string; readonly element?: string; readonly text?: string };
}

const combinations: Combination[] = [
  {
    what: "an interval that is shorter than the publishing interval",
    read: readOpcUa,
    settings: [
      subscribe,
      { element: "publishingInterval", text: "1", levels: ["server"] },
      { element: "interval", text: "0.5", levels: both },
    ],
    error: /<interval> is shorter than <publishingInterval>/,
    instead: { element: "interval", text: "1" },
  },
  {
    what: "a pause that is longer than the interval",
    read: readModbus,
    settings: [
      { element: "pauseBetweenRequests", text: "3", levels: ["server"] },
      { element: "interval", text: "2", levels: anywhere },
    ],
    error: /pauses alone take 150 % of its time .*every 2 s/,
    instead: { element: "interval", text: "4" },
  },
];
for (const element of ["deadband", "deadbandPercent"]) {
  const deadband: Setting = { element, text: "2", levels: both };
  combinations.push(
    {
      what: `a ${element} with the trigger Status`,
      read: readOpcUa,
      settings: [subscribe, deadband, { element: "trigger", text: "Status", levels: both }],
      error: /a deadband is about values/,
      instead: { element: "trigger", text: "StatusValue" },
    },
    {
      what: `a ${element} of what is polled`,
      read: readOpcUa,
      settings: [{ element: "acquisition", text: "read", levels: both }, deadband],
      error: /is for subscriptions, and here values are polled/,
      instead: { element: "acquisition", text: "subscribe" },
    },
  );
  for (const datatype of ["String", "Boolean", "PumpType/Speed", "ExtensionObject/Speed"])
    combinations.push({
      what: `a ${element} of a ${datatype}`,
      read: readOpcUa,
      datatype,
      settings: [subscribe, deadband],
      error: /does not move by an amount|no node of this server has a <datatype> that is a number/,
      instead: { datatype: "Int32" },
    });
}

for (const { what, read, datatype, settings, error, instead } of combinations) {
  describe(what, () => {
    for (const placed of placements(settings)) {
      test(`is refused, and can be mended: ${named(placed)}`, () => {
        assert.throws(
          () => read(placed, datatype),
          (thrown: unknown) => {
            assert.ok(thrown instanceof ConfigurationError);
            const [message = "", ...others] = thrown.problems.map((problem) => problem.message);
            assert.match(message, error);
            assert.deepEqual(others, []);
            return true;
          },
        );
        const mended = placed.map(
          ([level, setting]) =>
            [level, setting.element === instead.element ? { ...setting, text: instead.text ?? "" } : setting] as const,
        );
        read(mended, instead.datatype ?? datatype);
      });
    }
  });
}

describe("a queue without room for what is sampled", () => {
  const settings: readonly Setting[] = [
    subscribe,
    { element: "queueSize", text: "2", levels: both },
    { element: "samplingInterval", text: "0.1", levels: both },
    { element: "interval", text: "1", levels: both },
  ];
  for (const placed of placements(settings))
    test(`draws one warning: ${named(placed)}`, () => {
      const messages = readOpcUa(placed).warnings.map(({ message }) => message);
      assert.equal(messages.filter((message) => message.includes("has no room for the 10 values")).length, 1);
    });
});

test("a node that is subscribed to is as fast as the server sends, however fast the service polls", () => {
  for (const level of both) {
    const { configuration } = readOpcUa([
      [level, subscribe],
      ["server", { element: "publishingInterval", text: "5", levels: [] }],
      ["service", { element: "interval", text: "0.1", levels: [] }],
    ]);
    const [server] = configuration.servers as readonly OpcUaServer[];
    assert.equal(server?.nodes[0]?.intervalMs ?? server?.intervalMs, 5000);
  }
});

test("a deadband of the server is for its numbers, and a text beside them takes any trigger", () => {
  const placed: Placed = [
    ["server", subscribe],
    ["server", { element: "deadband", text: "2", levels: [] }],
  ];
  const text = nodeXml("String", "<trigger>Status</trigger>", 2);
  const [server] = readOpcUa(placed, "Double", text).configuration.servers as readonly OpcUaServer[];
  assert.deepEqual(
    server?.nodes.map(({ item }) => item?.deadband.value),
    [2, 0],
  );
});

test("check tells once that a percentage needs a range of the server", () => {
  const percent = { element: "deadbandPercent", text: "2", levels: [] };
  for (const level of both) {
    const { hints = [] } = readOpcUa([
      ["server", subscribe],
      [level, percent],
    ]);
    assert.deepEqual(
      hints.map(({ message }) => message.includes("EURange")),
      [true],
    );
  }
});
