// Files of each format, with what is odd in them, as the configuration that comes of them; and `check` is asked about all of these.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import type { ImportSettings, ModbusDraft, OpcUaDraft } from "../../../packages/partition/src/import/draft.ts";
import type { FormatName } from "../../../packages/partition/src/import/format-names.ts";
import { formatOf, formats } from "../../../packages/partition/src/import/formats.ts";
import { importedText } from "../../../packages/partition/src/import/imported-text.ts";
import { linearScale } from "../../../packages/partition/src/import/linear-scale.ts";
import { scalingOf } from "../../../packages/partition/src/protocols/modbus/decoding/decimal-scaling.ts";
import { parseNodeId } from "../../../packages/partition/src/import/node-id.ts";
import { modbusXml } from "../../../packages/partition/src/import/write-xml.ts";
import { Sandbox } from "../commands/cpc.ts";

const settings: ImportSettings = {
  device: undefined,
  alias: undefined,
  addresses: "auto",
  unit: undefined,
  wordOrder: undefined,
};

function imported(text: string, format: FormatName, given: Partial<ImportSettings> = {}) {
  assert.equal(formatOf(text), format, "the format is found out");
  const { servers, leftOut, notes } = formats[format](text, { ...settings, ...given });
  const modbus = servers.filter((server): server is ModbusDraft => server.protocol === "modbus");
  const opcua = servers.filter((server): server is OpcUaDraft => server.protocol === "opcua");
  return { modbus, opcua, leftOut, notes };
}

/** Function, address, quantity, bit, type, order, scale, bias, unit, unit id: what decides which value is read. */
function endpointsOf(servers: readonly ModbusDraft[]): readonly string[] {
  return servers.flatMap(({ alias, endpoints }) =>
    endpoints.map(({ name, functionCode, address, quantity, bit, settings: more }) => {
      const others = [
        "dataType",
        "half",
        "wordOrder",
        "scale",
        "bias",
        "noValue",
        "engineeringUnit",
        "unitId",
        "charactersPerRegister",
        "interval",
      ];
      const set = others.flatMap((key) => (more[key] === undefined ? [] : [`${key}=${more[key]}`]));
      const sandbox = `FC${functionCode} ${address} x${quantity}${bit === undefined ? "" : ` bit ${bit}`}`;
      return [`${alias}: ${name}`, sandbox, ...set].join(" | ");
    }),
  );
}

const vendorList = `Registerliste Verdichter GX-7;;;;;;;
;;;;;;;
Bezeichnung;Register;Datentyp;Einheit;Faktor;Wortreihenfolge;Zugriff;Farbe
Verdichter;;;;;;;
Netzdruck;40101;FLOAT32;bar;;CDAB;R;rot
Öltemperatur;40103;INT16;°C;0,1;;R;
Sollwert;40104;INT16;bar;0,1;;W;
Zähler;40105-40106;UDINT;kWh;;;RW;
Typ "GX";40110;STRING[16];;;;R;
Störung;40120.3;BOOL;;;;R;
Läuft;10017;BOOL;;;;R;
Seltsam;40130;WIDGET;;;;R;
Zweideutig;40131;INT;;;;R;
Quittierung;40132;UINT16;;;;W;
`;

test("a vendor's list in German, with titles, decimal commas and numbers from 40001", () => {
  const { modbus, leftOut, notes } = imported(vendorList, "csv", { device: "192.0.2.7:1502", alias: "GX-7" });
  assert.deepEqual(endpointsOf(modbus), [
    "GX-7: Netzdruck | FC3 100 x2 | dataType=Float | wordOrder=CDAB | engineeringUnit=bar",
    "GX-7: Öltemperatur | FC3 102 x1 | dataType=Int16 | scale=0.1 | engineeringUnit=°C",
    "GX-7: Zähler | FC3 104 x2 | dataType=UInt32 | engineeringUnit=kWh",
    'GX-7: Typ "GX" | FC3 109 x8 | dataType=String',
    "GX-7: Störung | FC3 119 x1 bit 3",
    "GX-7: Läuft | FC2 16 x1",
  ]);
  assert.deepEqual([modbus[0]?.host, modbus[0]?.port], ["192.0.2.7", 1502]);
  assert.deepEqual(leftOut, [
    'line 3: column "Farbe" has no counterpart',
    'line 7: "Sollwert" can only be written',
    'line 12: "Seltsam": type "WIDGET" has no counterpart',
    'line 13: "Zweideutig": type "INT" could be Int16 or Int32; write the one that it is',
    'line 14: "Quittierung" can only be written',
  ]);
  assert.match(notes.join("\n"), /numbers with a digit for their table, from 40001 on: 40101 became 100/);
});

test("an English list with functions, hexadecimal addresses, unit ids and several devices", () => {
  const text = [
    "Device,IP address,Slave ID,Function code,Address (hex),Count,Name,Data type,Offset",
    "North,192.0.2.1,1,FC03,0x64,2,Power,INT,0",
    "North,192.0.2.1,2,04 - Read Input Registers,10h,1,Level,UINT16,0",
    "South,192.0.2.2,7,1,0,1,Pump runs,BOOL,0",
    "South,192.0.2.2,7,6,3,1,Start,BOOL,0",
  ].join("\r\n");
  const { modbus, leftOut, notes } = imported(text, "csv");
  assert.deepEqual(endpointsOf(modbus), [
    "North: Power | FC3 100 x2 | dataType=Int32",
    "North: Level | FC4 16 x1 | dataType=UInt16 | unitId=2",
    "South: Pump runs | FC1 0 x1",
  ]);
  assert.deepEqual(
    modbus.map(({ settings: { unitId } }) => unitId),
    ["1", "7"],
  );
  assert.deepEqual(leftOut, [
    'line 1: column "Offset" could be bit or bias; rename it to the one that it is',
    'line 5: "Start" has a function that writes',
  ]);
  assert.match(notes.join("\n"), /counted from 0/);
  const from1 = imported(text.replaceAll(/0x64|10h/g, "101"), "csv", { addresses: "from1" });
  assert.match(endpointsOf(from1.modbus)[0] ?? "", /FC3 100/);
});

test("addresses that only some rows have like numbers are not taken for numbers", () => {
  const text = "name,function,address\na,3,40101\nb,3,7\n";
  assert.deepEqual(endpointsOf(imported(text, "csv").modbus), ["Device: a | FC3 40101 x1", "Device: b | FC3 7 x1"]);
  const forced = imported(text, "csv", { addresses: "numbers" });
  assert.deepEqual(endpointsOf(forced.modbus), ["Device: a | FC3 100 x1"]);
  assert.match(forced.leftOut.join(), /"b" \(7\): its address is out of range/);
});

const pumpList = `Nr.;Bezeichnung;Funktion;Adresse;Datentyp
1;Druck;FC03;40101;REAL
2;Temperatur;FC04;30001;INT16
3;Läuft;FC02;10001;BOOL
4;Freigabe;FC01;1;BOOL
`;

test("the number of a coil without its zeros does not hide that a list has numbers", () => {
  const { modbus, leftOut, notes } = imported(pumpList, "csv", { device: "192.0.2.7", unit: 7, wordOrder: "CDAB" });
  assert.deepEqual(endpointsOf(modbus), [
    "192.0.2.7: Druck | FC3 100 x2 | dataType=Float",
    "192.0.2.7: Temperatur | FC4 0 x1 | dataType=Int16",
    "192.0.2.7: Läuft | FC2 0 x1",
    "192.0.2.7: Freigabe | FC1 0 x1",
  ]);
  assert.deepEqual([modbus[0]?.settings["unitId"], modbus[0]?.settings["wordOrder"]], ["7", "CDAB"]);
  assert.deepEqual(leftOut, []);
  assert.match(notes.join("\n"), /column "Nr\." was taken for the number of the row/);
  const coils = "name;function;address\na;1;1\nb;1;17\n";
  assert.deepEqual(endpointsOf(imported(coils, "csv").modbus), ["Device: a | FC1 1 x1", "Device: b | FC1 17 x1"]);
  const mixed = imported(pumpList.replace("30001", "0"), "csv");
  assert.match(mixed.notes.join("\n"), /2 of 4 look like numbers .*40101.* use --addresses numbers/);
});

test("a list of node ids becomes an OPC UA configuration", () => {
  const text = "Node ID;Name;Type;Unit\nns=2;Level;Double;m\n";
  assert.deepEqual(imported(text, "csv").leftOut, ['line 2: "ns=2" is no node id; write it as ns=2;s=Tank.Level']);
  const twoNodes = 'NodeId,Name,Type,Unit\n"ns=2;s=Tank, left",Level,Double,m\n"nsu=urn:a%3Bb;i=5",Count,Int32,\n';
  const [server] = imported(twoNodes, "csv", { device: "opc.tcp://plc:4840" }).opcua;
  assert.equal(server?.url, "opc.tcp://plc:4840");
  assert.deepEqual(
    server?.nodes.map(({ namespace, identifierType, identifier, dataType }) => [
      namespace,
      identifierType,
      identifier,
      dataType,
    ]),
    [
      [{ index: 2 }, "String", "Tank, left", "Double"],
      [{ uri: "urn:a;b" }, "Numeric", "5", "Int32"],
    ],
  );
  assert.equal(parseNodeId("svr=1;ns=2;i=5"), undefined, "another server's node");
  assert.equal(parseNodeId("ns=2;i=x"), undefined);
});

const telegraf = `
[agent]
  interval = "10s"
[[inputs.cpu]]
[[inputs.modbus]]
  name = "Meter"
  slave_id = 3
  timeout = "1500ms"
  interval = "5s"
  controller = "tcp://192.0.2.9:502"
  coils = [ { name = "on", address = [8] } ]
  holding_registers = [
    { name = "power", byte_order = "CDAB", data_type = "FLOAT32-IEEE", scale = 1.0, address = [0, 1] },
    { name = "energy", byte_order = "ABCD", data_type = "UFIXED", scale = 0.01, address = [4, 5] },
    { name = "small", byte_order = "BA", data_type = "INT16", scale = 0.1, address = [6] },
    { name = "half", byte_order = "AB", data_type = "INT8L", scale = 1.0, address = [7] },
    { name = "torn", byte_order = "ABCD", data_type = "UINT32", scale = 1.0, address = [9, 11] },
    { name = "label", byte_order = "AB", data_type = "STRING", address = [20, 21, 22], output = "STRING", tags = { a = "b" } },
    { name = "fixed", byte_order = "AB", data_type = "FLOAT12", scale = 1.0, address = [12] },
  ]
  [inputs.modbus.workarounds]
    pause_between_requests = "20ms"
    one_request_per_field = true
    string_register_location = "upper"
[[inputs.modbus]]
  name = "Gateway"
  controller = "tcp://[fd00::17]:1502"
  transmission_mode = "RTUoverTCP"
  configuration_type = "request"
  [[inputs.modbus.request]]
    slave_id = 5
    byte_order = "DCBA"
    register = "input"
    optimization = "max_insert"
    optimization_max_register_fill = 20
    tags = { room = "7" }
    fields = [
      { address = 10, name = "temperature", type = "INT32", scale = 0.001 },
      { address = 12, name = "alarm", type = "BIT", bit = 7 },
      { address = 13, name = "gap", omit = true },
    ]
[[inputs.modbus]]
  name = "Serial"
  controller = "file:///dev/ttyUSB0"
[[inputs.opcua]]
  name = "Line"
  endpoint = "opc.tcp://plc.example:4840"
  security_policy = "Basic256Sha256"
  security_mode = "Sign"
  username = "reader"
  password = "secret"
  nodes = [ { name = "speed", namespace = "3", identifier_type = "s", identifier = "Line.Speed" } ]
  [[inputs.opcua.group]]
    namespace = "2"
    identifier_type = "i"
    nodes = [ { name = "count", identifier = "1001" }, { name = "wrong", identifier = "x" } ]
[[inputs.opcua_listener]]
  name = "Listened"
  endpoint = "opc.tcp://plc.example:4841"
  subscription_interval = "500ms"
  [[inputs.opcua_listener.group]]
    namespace = "2"
    identifier_type = "s"
    sampling_interval = "0s"
    default_tags = { a = "b" }
    nodes = [
      { name = "a", identifier = "A", monitoring_params = { sampling_interval = "100ms", queue_size = 20, data_change_filter = { trigger = "StatusValue", deadband_type = "Absolute", deadband_value = 0.5 } } },
      { name = "b", identifier = "B", monitoring_params = { discard_oldest = false, data_change_filter = { deadband_type = "Percent", deadband_value = 2.0 } } },
      { name = "c", identifier = "C" },
    ]
`;

test("Telegraf's inputs in all styles, and what has no counterpart", () => {
  const { modbus, opcua, leftOut } = imported(telegraf, "telegraf");
  assert.deepEqual(endpointsOf(modbus), [
    "Meter: on | FC1 8 x1",
    "Meter: power | FC3 0 x2 | dataType=Float | wordOrder=CDAB",
    "Meter: energy | FC3 4 x2 | dataType=UInt32 | scale=0.01",
    "Meter: small | FC3 6 x1 | dataType=Int16 | wordOrder=BADC | scale=0.1",
    "Meter: half | FC3 7 x1 | dataType=Int8 | half=low",
    "Meter: label | FC3 20 x3 | dataType=String | wordOrder=BADC | charactersPerRegister=1",
    "Gateway: temperature | FC4 10 x2 | dataType=Int32 | wordOrder=DCBA | scale=0.001",
    "Gateway: alarm | FC4 12 x1 bit 7 | wordOrder=DCBA",
  ]);
  const [meter, gateway] = modbus;
  assert.deepEqual(JSON.parse(JSON.stringify(meter?.settings)), {
    unitId: "3",
    interval: "5",
    timeout: "1.5",
    pauseBetweenRequests: "0.02",
  });
  assert.deepEqual([gateway?.host, gateway?.port, gateway?.settings["framing"]], ["fd00::17", 1502, "rtu"]);
  assert.equal(gateway?.settings["maxGap"], "20");
  const [, listened] = opcua;
  assert.deepEqual(JSON.parse(JSON.stringify(listened?.settings)), { interval: "0.5", acquisition: "subscribe" });
  assert.deepEqual(JSON.parse(JSON.stringify(listened?.nodes.map((node) => node.settings))), [
    { samplingInterval: "0.1", queueSize: "20", deadband: "0.5", capacity: "256" },
    { samplingInterval: "0", trigger: "Status" },
    { samplingInterval: "0" },
  ]);
  assert.deepEqual(
    opcua.map(({ alias, url, policy, mode, username, nodes }) => [alias, url, policy, mode, username, nodes.length]),
    [
      ["Line", "opc.tcp://plc.example:4840", "SecurityPolicyBasic256Sha256", "Sign", "reader", 2],
      ["Listened", "opc.tcp://plc.example:4841", "SecurityPolicyBasic256Sha256", "SignAndEncrypt", undefined, 3],
    ],
  );
  assert.deepEqual(
    leftOut,
    [
      "inputs.modbus[0]: one_request_per_field has no counterpart",
      "inputs.modbus[0].holding_registers[5]: tags has no counterpart",
      "inputs.modbus[1].request[0]: tags has no counterpart",
      "inputs.opcua_listener[0].group[0]: default_tags has no counterpart",
      "inputs.opcua_listener[0].group[0].nodes[1]: discard_oldest false has no counterpart",
      "inputs.opcua_listener[0].group[0].nodes[1]: the deadband: with the trigger Status no value is compared",
      'inputs.modbus[0].holding_registers[6]: "fixed": type "FLOAT12" has no counterpart',
      'inputs.modbus[0].holding_registers[4]: "torn": its addresses are not consecutive',
      'inputs.modbus[2]: controller "file:///dev/ttyUSB0" is no Modbus TCP device',
      'inputs.opcua[0].group[0].nodes[1]: "wrong" has no node id that can be read',
      "inputs.cpu: is no input of a plant",
    ]
      .map((line) => line.replace("inputs.modbus[0]: one_request", "inputs.modbus[0].workarounds: one_request"))
      .toSorted(byPlace(leftOut)),
  );
});

/** The order in which they were found. */
function byPlace(order: readonly string[]) {
  return (a: string, b: string): number => order.indexOf(a) - order.indexOf(b);
}

const neuronTags = [
  { name: "power", address: "1!400001", attribute: 1, type: 9 },
  { name: "swapped", address: "1!400003#BB", attribute: 3, type: 5, decimal: 0.1, bias: -40 },
  { name: "flag", address: "1!400005.15", attribute: 1, type: 11 },
  { name: "text", address: "1!400010.10L", attribute: 1, type: 13 },
  { name: "pump", address: "2!000017", attribute: 1, type: 11 },
  { name: "set", address: "1!400020", attribute: 2, type: 3 },
  { name: "constant", address: "", attribute: 9, type: 3 },
  { name: "array", address: "1!400030", attribute: 1, type: 18 },
];
const neuronParams = { host: "192.0.2.20", port: 502, timeout: 3000, interval: 50, endianess: 2 };
const neuronTree = JSON.stringify({
  nodes: [
    {
      name: "modbus-1",
      plugin: "Modbus TCP",
      params: neuronParams,
      groups: [
        { group: "fast", interval: 500, tags: neuronTags },
        { group: "slow", interval: 5000, tags: [{ name: "energy", address: "1!400050", attribute: 1, type: 8 }] },
      ],
    },
    {
      name: "line",
      plugin: "OPC UA",
      params: { url: "opc.tcp://plc:4840", username: "reader" },
      groups: [
        { group: "g", interval: 1000, tags: [{ name: "speed", address: "2!Line.Speed", attribute: 1, type: 10 }] },
      ],
    },
    {
      name: "rtu",
      plugin: "Modbus RTU",
      params: { link: 1, host: "192.0.2.21", port: 4001, interval: 20 },
      groups: [{ group: "g", interval: 1000, tags: [{ name: "x", address: "3!300001", attribute: 1, type: 4 }] }],
    },
    {
      name: "serial",
      plugin: "Modbus RTU",
      params: { link: 0, device: "/dev/ttyS0" },
      groups: [{ group: "g", interval: 1000, tags: [{ name: "x", address: "3!300001", attribute: 1, type: 4 }] }],
    },
    {
      name: "caller",
      plugin: "Modbus TCP",
      params: { connection_mode: 1, host: "0.0.0.0" },
      groups: [{ group: "g", interval: 1000, tags: [{ name: "x", address: "3!300001", attribute: 1, type: 4 }] }],
    },
    { name: "s7", plugin: "Siemens S7", groups: [{ group: "g", tags: [{ name: "x", address: "DB1", type: 3 }] }] },
  ],
});

test("Neuron's drivers, as a tree and as lists", () => {
  const expected = [
    "modbus-1: power | FC3 0 x2 | dataType=Float",
    "modbus-1: swapped | FC3 2 x2 | dataType=Int32 | wordOrder=CDAB | scale=0.1 | bias=-40",
    "modbus-1: flag | FC3 4 x1 bit 15",
    "modbus-1: text | FC3 9 x5 | dataType=String | wordOrder=BADC",
    "modbus-1: pump | FC1 16 x1 | unitId=2",
  ];
  const tree = imported(neuronTree, "neuron");
  const slow = "modbus-1: energy | FC3 49 x4 | dataType=UInt64 | interval=5";
  assert.deepEqual(endpointsOf(tree.modbus), [...expected, slow, "rtu: x | FC4 0 x1 | dataType=UInt16"]);
  const [first, rtu] = tree.modbus;
  assert.deepEqual([rtu?.settings["framing"], rtu?.settings["pauseBetweenRequests"]], ["rtu", undefined]);
  assert.deepEqual([first?.settings["framing"], first?.settings["pauseBetweenRequests"]], [undefined, "0.05"]);
  assert.match(tree.notes.join("\n"), /the pause of 20 ms .* was not taken over/);
  assert.deepEqual(
    [tree.modbus[0]?.settings["interval"], tree.modbus[0]?.settings["timeout"], tree.modbus[0]?.settings["unitId"]],
    ["0.5", "3", "1"],
  );
  assert.deepEqual(tree.opcua[0]?.nodes[0]?.identifier, "Line.Speed");
  assert.deepEqual(tree.leftOut, [
    'driver "modbus-1": endianess has no counterpart',
    'driver "modbus-1", group "fast": "set" can only be written',
    'driver "modbus-1", group "fast": "constant" is a constant of the program',
    'driver "modbus-1", group "fast": "array": type 18 has no counterpart',
    'driver "serial": device has no counterpart',
    'driver "serial": plugin "Modbus RTU" has no counterpart, or none of its tags can be read',
    'driver "caller": the device connects to the program; the partition connects to devices',
    'driver "s7": plugin "Siemens S7" has no counterpart, or none of its tags can be read',
  ]);
  const lists = JSON.stringify({
    nodes: [{ name: "modbus-1", plugin: "Modbus TCP" }],
    groups: [{ driver: "modbus-1", group: "fast", interval: 500 }],
    tags: [{ driver: "modbus-1", group: "fast", tags: neuronTags }],
    settings: [{ node: "modbus-1", params: neuronParams }],
  });
  assert.deepEqual(endpointsOf(imported(lists, "neuron").modbus), expected);
  assert.equal(imported(lists, "neuron").modbus[0]?.host, "192.0.2.20");
});

const publisher = JSON.stringify([
  {
    EndpointUrl: "opc.tcp://plc-7:4840/line",
    UseSecurity: true,
    OpcAuthenticationMode: "UsernamePassword",
    OpcAuthenticationUsername: "reader",
    OpcAuthenticationPassword: "secret",
    DataSetPublishingInterval: 500,
    OpcNodes: [
      {
        Id: "nsu=http://example.org/line;s=Speed",
        DisplayName: "Speed",
        OpcSamplingInterval: 100,
        QueueSize: 10,
        DeadbandType: "Percent",
        DeadbandValue: 2,
        SkipFirst: true,
        DiscardNew: false,
      },
      { Id: "ns=2;s=Zones", IndexRange: "0:3", OpcPublishingIntervalTimespan: "00:00:10", HeartbeatInterval: 60 },
      { Id: "ns=2;s=Slow", UseCyclicRead: true, OpcSamplingInterval: 60000 },
      { Id: "ns=2;s=State", DataChangeTrigger: "StatusValueTimestamp", OpcSamplingInterval: 0 },
      { Id: "ns=2;s=Name", AttributeId: "DisplayName" },
      { Id: "i=2253", EventFilter: { TypeDefinitionId: "i=2041" } },
    ],
  },
  {
    EndpointUrl: "opc.tcp://plc-8:4840",
    UseSecurity: false,
    OpcAuthenticationMode: "Certificate",
    OpcAuthenticationUsername: "CN=user",
    OpcNodes: [{ ExpandedNodeId: "ns=2;g=5ce9dbce-5d79-434c-9ac3-1cfba9a6e92c" }],
  },
  { EndpointUrl: "opc.tcp://plc-9:4840", NodeId: { Identifier: "ns=4;i=7" }, MaxKeepAliveCount: 3 },
]);

test("OPC Publisher's nodes of old and new files", () => {
  const { opcua, leftOut, notes } = imported(publisher, "opc-publisher");
  assert.deepEqual(
    opcua.map(({ alias, policy, mode, username, settings: { interval }, nodes }) => [
      [alias, policy, mode, username, interval].join(" "),
      nodes.map(({ name, identifierType }) => `${name} ${identifierType}`).join(),
    ]),
    [
      [
        "plc-7 SecurityPolicyBasic256Sha256 SignAndEncrypt reader 0.5",
        "Speed String,Zones String,Slow String,State String",
      ],
      ["plc-8 SecurityPolicyNone None  ", "5ce9dbce-5d79-434c-9ac3-1cfba9a6e92c Guid"],
      ["plc-9 SecurityPolicyBasic256Sha256 SignAndEncrypt  ", "7 Numeric"],
    ],
  );
  assert.deepEqual(
    opcua.map((server) => server.settings["acquisition"]),
    ["subscribe", "subscribe", "subscribe"],
  );
  assert.deepEqual(JSON.parse(JSON.stringify(opcua[0]?.nodes.map((node) => node.settings))), [
    { samplingInterval: "0.1", queueSize: "10", deadbandPercent: "2", capacity: "256" },
    { IndexRange: "0:3", interval: "10" },
    { acquisition: "read", interval: "60" },
    { samplingInterval: "0", trigger: "StatusValueTimestamp" },
  ]);
  assert.deepEqual(leftOut, [
    "entry 2: the user's certificate: name it in <user_certificate>",
    "entry 3: MaxKeepAliveCount has no counterpart",
    'entry 1: node "ns=2;s=Name" is no value that can be read',
    'entry 1: node "i=2253" is no value that can be read',
    "entry 1: SkipFirst of 1 nodes has no counterpart",
    "entry 1: HeartbeatInterval of 1 nodes has no counterpart",
  ]);
  assert.match(notes.join("\n"), /nodes are subscribed to, as by that program/);
});

const kepware = `Tag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,Scaled High,Scaled Data Type,Clamp Low,Clamp High,Eng. Units,Description,Negate Value
"Tank.Level","400101","Word",1,R/W,100,Linear,0,65535,0,6553.5,Double,0,0,"mm","Level, left",0
"Tank.Temp","400103","Float",1,RO,1000,None,,,,,,0,0,"°C",,0
"Odd","400105","Short",1,RO,100,Linear,0,3,0,1,Double,1,0,,,0
"Root","400106","Short",1,RO,100,Square Root,0,100,0,1,Double,0,0,,,0
"Bit","40110.12","Boolean",1,RO,100,None,,,,,,0,0,,,0
"Text","400120.20H","String",1,RO,100,None,,,,,,0,0,,,0
"Minus","400125","Short",1,RO,100,Linear,0,100,5,15,Double,0,0,,,1
"Words","400130 [4]","Word Array",1,RO,100,None,,,,,,0,0,,,0
"Coil","000017","Boolean",1,WO,100,None,,,,,,0,0,,,0
"Bcd","400140","BCD",1,RO,100,None,,,,,,0,0,,,0
"Date","400150","Date",1,RO,100,None,,,,,,0,0,,,0
`;

test("KEPServerEX's tags with their scaling", () => {
  const { modbus, leftOut, notes } = imported(kepware, "kepware", { device: "192.0.2.30" });
  assert.deepEqual(endpointsOf(modbus), [
    "192.0.2.30: Tank.Level | FC3 100 x1 | dataType=UInt16 | scale=0.1 | bias=0 | engineeringUnit=mm",
    "192.0.2.30: Tank.Temp | FC3 102 x2 | dataType=Float | wordOrder=CDAB | engineeringUnit=°C | interval=1",
    `192.0.2.30: Odd | FC3 104 x1 | dataType=Int16 | scale=0.${"3".repeat(35)} | bias=0`,
    "192.0.2.30: Root | FC3 105 x1 | dataType=Int16",
    "192.0.2.30: Bit | FC3 109 x1 bit 12",
    "192.0.2.30: Text | FC3 119 x10 | dataType=String",
    "192.0.2.30: Minus | FC3 124 x1 | dataType=Int16 | scale=-0.1 | bias=-5",
    "192.0.2.30: Words | FC3 129 x4 | dataType=UInt16",
    "192.0.2.30: Bcd | FC3 139 x1 | dataType=BCD16",
  ]);
  assert.deepEqual(leftOut, [
    'line 4: the limits of "Odd": values are published as the device has them',
    'line 5: the scaling of "Root": "Square Root" is not linear; the raw value is published',
    'line 10: "Coil" can only be written',
    'line 12: "Date": type "Date" has no counterpart',
  ]);
  assert.match(notes.join("\n"), /first word low/);
  assert.match(notes.join("\n"), /factors without an end in decimal digits were rounded behind the 35th/);
  assert.equal(modbus[0]?.settings["interval"], "0.1");
  const one = imported(kepware.replaceAll(",1000,", ",100,"), "kepware");
  assert.equal(one.modbus[0]?.settings["interval"], undefined);
  assert.match(one.notes.join("\n"), /the scan rate of all tags \(100 ms\) was not taken over/);
});

function add(text: string, more: number): string {
  return String(Number((Number(text) + more).toFixed(8)));
}

test("a factor without an end is rounded so late that every value is the nearest Double of one less than 1e-25 away", () => {
  const siemens = linearScale({ rawLow: "5530", rawHigh: "27648", scaledLow: "0", scaledHigh: "100" });
  assert.equal(siemens?.isRounded, true);
  const end = fc.integer({ min: -32_768, max: 4_294_967_295 });
  fc.assert(
    fc.property(
      end,
      end,
      fc.integer({ min: -999_999, max: 999_999 }),
      fc.nat(999_999),
      end,
      (low, high, from, span, raw) => {
        fc.pre(low !== high && span > 0);
        const line = linearScale({
          rawLow: String(low),
          rawHigh: String(high),
          scaledLow: (from / 100).toFixed(2),
          scaledHigh: ((from + span) / 100).toFixed(2),
        });
        fc.pre(line !== undefined); // a bias of 10^13 is longer than the grammar has it
        assert.ok(line.bias.length <= 50);
        const { ofNumber } = scalingOf(line.scale, line.bias);
        // In digits that no Double has, and as the nearest one.
        const unit = 10n ** 60n;
        const exact =
          BigInt(from) * unit + ((BigInt(raw) - BigInt(low)) * BigInt(span) * unit) / (BigInt(high) - BigInt(low));
        const away = unit / 10n ** 23n;
        const [least = NaN, most = NaN] = [exact - away, exact + away].map((value) => Number(`${value}e-62`));
        assert.ok(least <= ofNumber(raw) && ofNumber(raw) <= most);
        assert.equal(ofNumber(low), from / 100);
        assert.ok(Math.abs(ofNumber(high) - (from + span) / 100) < 1e-25);
      },
    ),
  );
});

test("a line through two points is exact, or is none", () => {
  const decimal = fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat(4)).map(([digits, places]) => ({
    text: (digits / 10 ** places).toFixed(places),
    tenThousandths: BigInt(digits) * 10n ** BigInt(4 - places),
  }));
  const factor = fc.constantFrom("0.1", "2", "-0.25", "0.001", "12.5");
  fc.assert(
    fc.property(decimal, decimal, factor, fc.integer({ min: 1, max: 9999 }), (rawLow, scaledLow, scale, span) => {
      const ends = {
        rawLow: rawLow.text,
        rawHigh: add(rawLow.text, span),
        scaledLow: scaledLow.text,
        scaledHigh: add(scaledLow.text, span * Number(scale)),
      };
      const line = linearScale(ends);
      assert.equal(line?.scale, scale);
      const bias = Number(scaledLow.text) - Number(rawLow.text) * Number(scale);
      assert.ok(Math.abs(Number(line?.bias) - bias) < 1e-6);
    }),
  );
  assert.equal(linearScale({ rawLow: "5", rawHigh: "5", scaledLow: "0", scaledHigh: "1" }), undefined);
  const exponent = linearScale({ rawLow: "0", rawHigh: "1e3", scaledLow: "0", scaledHigh: "1e-1" });
  assert.deepEqual(exponent, { scale: "0.0001", bias: "0", isRounded: false });
});

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

test("any list that can be written is read as the same points", () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .map((text) => `n${text.replaceAll(/[\p{Cc}\s]/gu, "x")}`);
  const row = fc.record({
    name,
    address: fc.nat(9999),
    unit: fc.constantFrom("", "bar", "°C", 'in "x"', "a;b"),
    type: fc.constantFrom("UInt16", "Float", "Int64"),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), fc.constantFrom(";", ",", "\t"), (rows, delimiter) => {
      const line = (cells: readonly string[]): string => cells.map((cell) => quoted(cell)).join(delimiter);
      const lines = rows.map((one) => line([one.unit, "3", one.name, String(one.address), one.type]));
      const text = [line(["unit", "function", "name", "address", "type"]), ...lines].join("\n");
      const { servers } = formats.csv(text, settings);
      const endpoints = servers.flatMap((server) => (server.protocol === "modbus" ? server.endpoints : []));
      assert.deepEqual(
        endpoints.map((one) => [
          one.name,
          one.address,
          one.settings["dataType"],
          one.settings["engineeringUnit"] ?? "",
        ]),
        rows.map((one) => [one.name.trim(), one.address, one.type, one.unit.trim()]),
      );
    }),
  );
});

test("files are read whatever wrote them", () => {
  const text = "name;Öl";
  const latin1 = Buffer.from(text, "latin1");
  assert.deepEqual(importedText(latin1), { text, isGuessed: true });
  assert.deepEqual(importedText(Buffer.from(`\ufeff${text}`)), { text, isGuessed: false });
  assert.deepEqual(importedText(Buffer.from(`\ufeff${text}`, "utf16le")), { text, isGuessed: false });
});

test("names and texts cannot leave their place in the XML", () => {
  const endpoint = {
    name: "a\n<b>&\u0000",
    functionCode: 3 as const,
    address: 0,
    quantity: 1,
    description: "]]>",
    settings: {},
  };
  const xml = modbusXml(
    [{ protocol: "modbus", alias: "A", host: "h", port: 1, settings: {}, endpoints: [endpoint] }],
    ["--> <evil/> -----\u0001\u001b[31m-"],
  );
  assert.match(xml, /<name>a &lt;b&gt;&amp; <\/name>/);
  assert.match(xml, /<description>\]\]&gt;<\/description>/);
  const [comment = ""] = /(?<=<!--)[^]*?(?=-->)/.exec(xml) ?? [];
  assert.doesNotMatch(comment, /--|\p{Cc}/u);
  assert.equal(xml.match(/-->/g)?.length, 1);
});

test("a quotation may go on behind the lines that show the format", () => {
  const rows = Array.from({ length: 40 }, (_, row) => `p${row};${row};"${row === 28 ? "two\nlines" : "one line"}"`);
  const { modbus } = imported(`name;address;description\n${rows.join("\n")}\n`, "csv");
  assert.equal(modbus[0]?.endpoints.length, 40);
  assert.equal(modbus[0]?.endpoints[28]?.description, "two\nlines");
  const endless = 'name;address\n"p0;0\n';
  assert.throws(() => formats[formatOf(endless)](endless, settings), /quote/i);
});

test("what import prints is what check and run read", { timeout: 200_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  const files = [
    ["list.csv", vendorList, ["--device", "192.0.2.7"]],
    ["separators.csv", "name;function;address\n---;3;\u0001\u001b[31m----\nPressure;3;7\n", ["--device", "192.0.2.8"]],
    ["telegraf.conf", telegraf, ["--only", "modbus"]],
    ["telegraf-opcua.conf", telegraf, ["--only", "opcua"]],
    ["neuron.json", neuronTree, ["--only", "modbus"]],
    ["publisher.json", publisher, []],
    ["kepware.csv", kepware, []],
  ] as const;
  const outputs: string[] = [];
  for (const [name, content, options] of files) {
    const file = join(sandbox.folder, name);
    writeFileSync(file, content);
    const output = `${file}.xml`;
    const { code, stdout, stderr } = await sandbox.ran("import", file, ...options, "--output", output);
    assert.equal(code, 1, "something was left out of each");
    assert.equal(stdout, "");
    assert.match(stderr, /^left out: /m);
    const xml = readFileSync(output, "utf8");
    assert.match(xml, /<!-- Left out: /);
    // Of a file with both protocols only what was written.
    const body = xml.replace(/<!--[^]*-->/, "");
    const countOf = (elements: RegExp): number => body.match(elements)?.length ?? 0;
    const said = `points taken over: ${countOf(/<(?:endpoint|node)>/g)}, servers: ${countOf(/<server>/g)}, left out: [1-9]\\d*; .* npm run -s cpc -- check`;
    assert.match(stderr, RegExp(said));
    outputs.push(output);
  }
  const secrets = { CPC_PASSWORD_LINE: "x", CPC_PASSWORD_PLC_7: "x" };
  const checked = await sandbox.cpc(["check", ...outputs], secrets).ended;
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);

  const telegrafFile = join(sandbox.folder, "telegraf.conf");
  const both = await sandbox.cpc(["import", telegrafFile]).ended;
  assert.match(both.stderr, /servers of both protocols; import it twice, with --only modbus and with --only opcua/);
  const wrong = await sandbox.ran("import", telegrafFile, "--from", "neuron");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /cannot read .*telegraf\.conf as neuron because .*; --from chooses another format/);
  const again = await sandbox.ran("import", telegrafFile, "--only", "modbus", "--output", outputs[0] ?? "");
  assert.match(again.stderr, /because it exists/);
});
