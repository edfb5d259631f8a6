// Scaling, bits with a byte order and numbers with exponents, in each format: taken over as they are meant, or named as left out.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FormatName } from "../../../packages/partition/src/import/format-names.ts";
import { formats } from "../../../packages/partition/src/import/formats.ts";
import { monitoringOf } from "../../../packages/partition/src/import/monitoring.ts";
import { modbusXml, opcUaXml } from "../../../packages/partition/src/import/write-xml.ts";
import { Findings, type ModbusDraft, type OpcUaDraft } from "../../../packages/partition/src/import/draft.ts";
import { Sandbox } from "../commands/cpc.ts";

interface Read {
  /** Name, type, bit, word order, scale and bias of each endpoint, without what is not set. */
  readonly points: readonly string[];
  readonly leftOut: readonly string[];
  readonly notes: string;
  readonly servers: readonly ModbusDraft[];
}

function read(text: string, format: FormatName): Read {
  const given = { device: "192.0.2.7", alias: "D", addresses: "auto", unit: undefined, wordOrder: undefined } as const;
  const imported = formats[format](text, given);
  const servers = imported.servers.filter((server): server is ModbusDraft => server.protocol === "modbus");
  const points = servers.flatMap(({ endpoints }) =>
    endpoints.map(({ name, quantity, bit, settings: { dataType, wordOrder, scale, bias } }) => {
      const set = Object.entries({ dataType, bit, wordOrder, scale, bias }).filter(([, value]) => value !== undefined);
      return [`${name} x${quantity}`, ...set.map(([key, value]) => `${key}=${value}`)].join(" ");
    }),
  );
  return { points, leftOut: imported.leftOut, notes: imported.notes.join("\n"), servers };
}

const kepware = `Tag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,Scaled High,Scaled Data Type,Clamp Low,Clamp High,Eng Units,Description,Negate Value
"flow","400001","Word",1,"R/W",100,"Square Root",0,1000,0,100,"Float",0,0,"","",0
"small","400002","Short",1,"R/W",100,"Linear",0,1E+3,0,1e-3,"Double",0,0,"","",0
"whole","400003","Word",1,"R/W",100,"Linear",0,1000,0,100,"Long",0,0,"","",0
"text","400010.16H","String",1,"R/W",100,"Linear",0,1000,0,100,"String",0,0,"","",0
"flag","400020.3","Boolean",1,"R/W",100,"Linear",0,1,0,10,"Float",0,0,"","",0
"coil","000001","Boolean",1,"R/W",100,"None",,,,,,0,0,"","",1
"zero","400030","Word",1,"R/W",100,"Linear",0E-999999999,1000,0e999999999,100,"Float",0,0,"","",0
"flat","400031","Word",1,"R/W",100,"Linear",0,1000,5,5,"Float",0,0,"","",0
"cut","400032","QWord",1,"R/W",100,"Linear",0,9e18,0,1e-6,"Double",0,0,"","",0
"far","400034.16","Boolean",1,"R/W",100,"None",,,,,,0,0,"","",0
"tens","400035","Word",1,"R/W",100,"Linear",0,100,0,1000,"Long",0,0,"","",0
"long","400033","Word",1,"R/W",100,"Linear",0,1,0,1e60,"Double",0,0,"","",0
`;

test("KEPServerEX: what is not linear, cut to whole numbers or a scaled bit is named", () => {
  const { points, leftOut, notes } = read(kepware, "kepware");
  assert.deepEqual(points, [
    "flow x1 dataType=UInt16",
    "small x1 dataType=Int16 scale=0.000001 bias=0",
    "whole x1 dataType=UInt16 scale=0.1 bias=0",
    "text x8 dataType=String",
    "flag x1 bit=3",
    "coil x1",
    "zero x1 dataType=UInt16 scale=0.1 bias=0",
    "flat x1 dataType=UInt16",
    "cut x4 dataType=UInt64 wordOrder=CDAB",
    "tens x1 dataType=UInt16 scale=10 bias=0",
    "long x1 dataType=UInt16",
  ]);
  assert.deepEqual(leftOut, [
    'line 2: the scaling of "flow": "Square Root" is not linear; the raw value is published',
    'line 4: the scaled type Long of "whole": the decimal places are not cut off',
    'line 5: the scaling of "text": a text has none',
    'line 6: the scaling of "flag": a single bit has none',
    'line 7: the scaling of "coil": a single bit has none',
    'line 9: the scaling of "flat": its raw or its scaled ends are equal, or its factor has too many digits; the raw value is published',
    'line 10: the scaling of "cut": its raw or its scaled ends are equal, or its factor has too many digits; the raw value is published',
    'line 11: "far": bit 16 is none of a register',
    'line 13: the scaling of "long": its raw or its scaled ends are equal, or its factor has too many digits; the raw value is published',
  ]);
  assert.match(notes, /bits were counted from 0 for the least significant.*change <offset>/);
});

const telegraf = `
[agent]
  interval = "20s"
[[processors.scale]]
[[inputs.modbus]]
  name = "M"
  controller = "tcp://192.0.2.9:502"
  timeout = 3
  holding_registers = [
    { name = "ufixed", byte_order = "ABCD", data_type = "FLOAT32", scale = 1e-7, address = [0, 1] },
    { name = "quoted", byte_order = "AB", data_type = "INT16", scale = "0.1", address = [2] },
    { name = "text", byte_order = "AB", data_type = "STRING", scale = 0.1, address = [3, 4] },
    { name = "flag", byte_order = "AB", data_type = "BOOL", scale = 1.0, address = [5] },
  ]
[[inputs.modbus]]
  name = "R"
  controller = "tcp://192.0.2.10:502"
  timeout = "1d"
  configuration_type = "request"
  [[inputs.modbus.request]]
    slave_id = 1
    byte_order = "BADC"
    register = "input"
    fields = [
      { address = 0, name = "half", type = "FLOAT16" },
      { address = 1, name = "float", type = "FLOAT32", scale = 0.5 },
      { address = 3, name = "double", type = "FLOAT64", output = "INT64" },
      { address = 7, name = "cut", type = "INT16", scale = 0.1, output = "INT64" },
      { address = 8, name = "bit", type = "BIT", bit = 4 },
      { address = 11, name = "whole", type = "INT16", output = "INT64" },
      { address = 9, name = "far", type = "BIT", bit = 16 },
      { address = 10, name = "scaled", type = "BIT", bit = 1, scale = 10.0 },
    ]
`;

test("Telegraf: floats of the style request, exponents, dropped scales and types of the output", () => {
  const { points, leftOut, servers } = read(telegraf, "telegraf");
  assert.deepEqual(points, [
    "ufixed x2 dataType=UInt32 scale=1e-7",
    "quoted x1 dataType=Int16",
    "text x2 dataType=String",
    "half x1 dataType=Float16 wordOrder=BADC",
    "float x2 dataType=Float wordOrder=BADC scale=0.5",
    "double x4 dataType=Double wordOrder=BADC",
    "cut x1 dataType=Int16 wordOrder=BADC scale=0.1",
    "bit x1 bit=4 wordOrder=BADC",
    "whole x1 dataType=Int16 wordOrder=BADC",
    "scaled x1 bit=1 wordOrder=BADC",
  ]);
  assert.deepEqual(leftOut, [
    'inputs.modbus[0].holding_registers[1]: the scale of "quoted" is no number; the raw value is published',
    'inputs.modbus[0].holding_registers[2]: the scale of "text": a single bit and a text have none',
    'inputs.modbus[0].holding_registers[3]: "flag": type "BOOL" has no counterpart',
    'inputs.modbus[1].request[0].fields[2]: output INT64 of "double": the decimal places are not cut off',
    'inputs.modbus[1].request[0].fields[3]: output INT64 of "cut": the decimal places are not cut off',
    'inputs.modbus[1].request[0].fields[6]: "far": bit 16 is none of a register',
    'inputs.modbus[1].request[0].fields[7]: the scale of "scaled": a single bit and a text have none',
    "processors.scale: values are published as they are read, and not changed on their way",
  ]);
  assert.deepEqual(
    servers.map(({ settings: { interval, timeout } }) => [interval, timeout]),
    [
      ["20", "3"],
      ["20", "86400"],
    ],
  );
});

const tags = [
  { name: "tiny", address: "1!400001", attribute: 1, type: 4, decimal: 1e-7, bias: "0.5" },
  { name: "words", address: "1!400002", attribute: 1, type: 4, decimal: "a tenth" },
  { name: "swapped", address: "1!400003.4#B", attribute: 1, type: 11 },
  { name: "far", address: "1!400003.16", attribute: 1, type: 11 },
  { name: "flag", address: "1!400003.1", attribute: 1, type: 11, decimal: 0.1, precision: 2 },
  { name: "none", address: "1!400004", attribute: 1, type: 4, decimal: 0, bias: null },
  { name: "no bit", address: "1!400003.1", attribute: 1, type: 4 },
  { name: "no text", address: "1!400003#L.2", attribute: 1, type: 4 },
];
const neuron = JSON.stringify({
  nodes: [
    { name: "m", plugin: "Modbus TCP", params: { host: "192.0.2.20" }, groups: [{ group: "g", interval: 100, tags }] },
    {
      name: "line",
      plugin: "OPC UA",
      params: { url: "opc.tcp://plc:4840" },
      groups: [{ group: "g", tags: [{ name: "v", address: "2!V", attribute: 1, type: 10, decimal: 0.1, bias: 3 }] }],
    },
  ],
});

test("Neuron: exponents, numbers in quotation marks, swapped bits, and factors of what has none", () => {
  const { points, leftOut, notes } = read(neuron, "neuron");
  assert.deepEqual(points, [
    "tiny x1 dataType=UInt16 scale=1e-7 bias=0.5",
    "words x1 dataType=UInt16",
    "swapped x1 bit=4 wordOrder=BADC",
    "flag x1 bit=1",
    "none x1 dataType=UInt16",
  ]);
  assert.deepEqual(leftOut, [
    'driver "m", group "g": decimal of "words" is no number; it is not applied',
    'driver "m", group "g": "far": bit 16 is none of a register',
    'driver "m", group "g": decimal of "flag": bits, texts and OPC UA values are published as they are',
    'driver "m", group "g": "no bit": bit 1 of a register is of the type BIT (11), and this tag is not',
    'driver "m", group "g": "no text": only a text has a length',
    'driver "line", group "g": decimal of "v": bits, texts and OPC UA values are published as they are',
    'driver "line", group "g": bias of "v": bits, texts and OPC UA values are published as they are',
  ]);
  assert.match(notes, /precision was not taken over/);
});

const listened = `
[[inputs.opcua_listener]]
  name = "L"
  endpoint = "opc.tcp://plc.example:4841"
  nodes = [
    { name = "tiny", namespace = "2", identifier_type = "s", identifier = "A", monitoring_params = { data_change_filter = { trigger = "StatusValue", deadband_type = "Absolute", deadband_value = 1e-7 } } },
    { name = "large", namespace = "2", identifier_type = "s", identifier = "B", monitoring_params = { data_change_filter = { trigger = "StatusValue", deadband_type = "Percent", deadband_value = 150.0 } } },
    { name = "odd", namespace = "2", identifier_type = "s", identifier = "C", monitoring_params = { data_change_filter = { trigger = "StatusValue", deadband_type = "Relative", deadband_value = 2.0 } } },
    { name = "none", namespace = "2", identifier_type = "s", identifier = "D", monitoring_params = { data_change_filter = { trigger = "StatusValue", deadband_type = "None", deadband_value = 2.0 } } },
  ]
`;

test("an interval with an exponent is written without one", () => {
  const foreign = { samplingInterval: 1e-7, queueSize: undefined, trigger: "", deadbandType: "", deadband: undefined };
  assert.equal(monitoringOf(foreign, "node", new Findings())["samplingInterval"], "0.0000001");
});

test("a deadband with an exponent is written without one, and one that cannot be is named", async (t) => {
  const given = {
    device: undefined,
    alias: undefined,
    addresses: "auto",
    unit: undefined,
    wordOrder: undefined,
  } as const;
  const { servers, leftOut } = formats.telegraf(listened, given);
  const opcua = servers.filter((server): server is OpcUaDraft => server.protocol === "opcua");
  assert.deepEqual(
    opcua[0]?.nodes.map(({ settings: { deadband, deadbandPercent } }) => [deadband, deadbandPercent]),
    [
      ["0.0000001", undefined],
      [undefined, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ],
  );
  assert.deepEqual(leftOut, [
    "inputs.opcua_listener[0].nodes[1]: the deadband 150 (Percent) has no counterpart",
    "inputs.opcua_listener[0].nodes[2]: the deadband 2 (Relative) has no counterpart",
  ]);
  const sandbox = new Sandbox(t);
  const checked = await sandbox.ran("check", sandbox.write("opcua.xml", opcUaXml(opcua, [])));
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
});

const list = `name;address;type;bit;word order;scale;bias
tiny;1;UINT16;;;1e-3;-2,5E1
thousand;2;UINT16;;;1,000;
binary;3;UINT16;;;0b11;
none;4;UINT16;;;0;
lost;5;UINT16;;;1e-400;
swapped;6;BOOL;4;BADC;;
scaled;7;BOOL;5;;0,1;
plain;8;BOOL;6;;1;0
digits;9;UINT16;;;0.${"1".repeat(49)};
far;10;BOOL;16;;;
`;

test("lists: exponents, numbers that could be several, swapped and scaled bits", async (t) => {
  const { points, leftOut, notes, servers } = read(list, "csv");
  assert.deepEqual(points, [
    "tiny x1 dataType=UInt16 scale=1e-3 bias=-2.5E1",
    "swapped x1 bit=4 wordOrder=BADC",
    "scaled x1 bit=5",
    "plain x1 bit=6",
  ]);
  assert.deepEqual(leftOut, [
    'line 3: "thousand": scale "1,000" is no number, or could be several',
    'line 4: "binary": scale "0b11" is no number, or could be several',
    'line 5: "none": scale 0 would make every value the same',
    'line 6: "lost": scale "1e-400" is no number, or could be several',
    'line 8: scale "0,1" of "scaled": a single bit has none',
    `line 10: "digits": scale "0.${"1".repeat(49)}" is no number, or could be several`,
    'line 11: "far": bit 16 is none of a register',
  ]);
  assert.match(notes, /bits were counted from 0 for the least significant of a register/);
  const coils = read("name;function;address;scale;bias\nscaled;1;5;0,1;\nplain;1;6;1;0\n", "csv");
  assert.deepEqual(coils.points, ["scaled x1", "plain x1"]);
  assert.deepEqual(coils.leftOut, ['line 2: scale "0,1" of "scaled": a single bit has none']);
  const nodes = read(
    "node id;name;scale;bias;bit\nns=2;s=A;A;0,1;0;\nns=2;s=B;B;1;5;3\nns=2;s=C;C;1;;-1\n".replaceAll(
      /ns=[^;]*;s=./g,
      '"$&"',
    ),
    "csv",
  );
  assert.deepEqual(nodes.leftOut, [
    'line 2: scale "0,1" of "A": OPC UA values are published as they are',
    'line 3: bias "5" of "B": OPC UA values are published as they are',
    'line 3: bit "3" of "B": OPC UA values are published as they are',
  ]);
  const sandbox = new Sandbox(t);
  const { servers: others } = read(telegraf, "telegraf");
  for (const [name, some] of Object.entries({ list: servers, telegraf: others })) {
    const checked = await sandbox.ran("check", sandbox.write(`${name}.xml`, modbusXml(some, [])));
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  }
});
