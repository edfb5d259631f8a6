import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import type {
  ModbusPoint,
  ModbusServer,
} from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { loadModbusConfiguration } from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-configuration.ts";
import { BuiltInType, builtInTypeName } from "../../../../../packages/image/src/values/built-in-type.ts";

function caseServers(name: string): readonly ModbusServer[] {
  const certificatesDirectory = join(import.meta.dirname, "../../../configuration/cases", name);
  return loadModbusConfiguration(join(certificatesDirectory, "modbus.xml"), { certificatesDirectory }).configuration
    .servers;
}

function onlyServer(name: string): ModbusServer {
  const servers = caseServers(name);
  assert.equal(servers.length, 1);
  return servers[0] ?? assert.fail();
}

/** The part of a point that decides what is read and how. */
function summary(point: ModbusPoint): string {
  const type = `${builtInTypeName(point.wireType)}->${builtInTypeName(point.type)}`;
  return `${point.key} | FC0${point.functionCode} unit ${point.unitId} ${point.address}+${point.width} bit ${point.bit} ${type} ${point.wordOrder}`;
}

test("a file written for the reference gives its points the reference's keys and types", () => {
  const servers = caseServers("modbus-reference-plain");
  assert.deepEqual(
    servers.map(({ alias, host, port }) => [alias, host, port]),
    [
      ["Pumpe", "192.168.10.20", 502],
      ["Vakuum", "vakuum.werk.example", 1502],
    ],
  );
  assert.deepEqual(
    servers.flatMap(({ points }) => points.map(summary)),
    [
      "Pumpe: Verdichter läuft | FC02 unit 1 0+1 bit -1 Boolean->Boolean ABCD",
      "Pumpe: Störung | FC03 unit 1 40+1 bit 3 Boolean->Boolean ABCD",
      "Pumpe: Drehzahl | FC03 unit 1 41+1 bit -1 UInt16->UInt16 ABCD",
      "Pumpe: Freigabe | FC01 unit 1 7+1 bit -1 Boolean->Boolean ABCD",
      "Pumpe: Ventile | FC01 unit 1 8+1 bit -1 Boolean->Boolean ABCD",
      "Pumpe: Ventile[1] | FC01 unit 1 9+1 bit -1 Boolean->Boolean ABCD",
      "Pumpe: Ventile[2] | FC01 unit 1 10+1 bit -1 Boolean->Boolean ABCD",
      "Pumpe: Ventile[3] | FC01 unit 1 11+1 bit -1 Boolean->Boolean ABCD",
      "Vakuum: Temperatur | FC04 unit 1 65535+1 bit -1 UInt16->UInt16 ABCD",
    ],
  );
  assert.equal(servers[0]?.points[0]?.description, "Betriebsmeldung");
  assert.equal(servers[0]?.points[0]?.location.line, 8);
});

test("names, numbers and functions in other unambiguous spellings and orders mean the same", () => {
  const server = onlyServer("modbus-other-spellings");
  assert.deepEqual([server.alias, server.port], ["Pumpe", 502]);
  assert.deepEqual(server.points.map(summary), [
    "Pumpe: 1 | FC03 unit 1 102+2 bit -1 Float->Float CDAB",
    "Pumpe: 2 | FC03 unit 1 102+2 bit -1 Float->Float CDAB",
    "Pumpe: 3 | FC03 unit 1 102+1 bit -1 Boolean->Boolean CDAB",
    "Pumpe: 4 | FC04 unit 1 102+2 bit -1 Int32->Int32 CDAB",
    "Pumpe: 5 | FC02 unit 1 102+1 bit -1 Boolean->Boolean CDAB",
  ]);
});

test("a certificate is not expected to name our interface to a link-local address", () => {
  const { host, tls } = onlyServer("modbus-tls-link-local");
  assert.deepEqual([host, tls?.serverName], ["fe80::1%eth0", "fe80::1"]);
});

test("a server without settings gets the documented defaults", () => {
  const { points, alias, host, port, location, ...settings } = onlyServer("modbus-reference-write-functions");
  assert.deepEqual(settings, {
    intervalMs: undefined,
    timeoutMs: 3000,
    retryIntervalMs: 30_000,
    maxRegistersPerRequest: 125,
    maxGap: 0,
    pauseBetweenRequestsMs: 0,
    maxInFlight: 1,
    framing: "tcp",
    tolerates: [],
    pauseAfterConnectMs: 0,
    connectsPerRequest: false,
    tls: undefined,
  });
  assert.deepEqual([alias, host, port, location.line], ["Pumpe", "192.168.10.20", 502, 3]);
  const { scale, bias, unit, unitId } = points[0] ?? assert.fail();
  assert.deepEqual([scale, bias, unit, unitId], ["1", "0", "", 1]);
});

test("an endpoint that writes is left out and the others stay", () => {
  assert.deepEqual(
    onlyServer("modbus-reference-write-functions").points.map(({ key }) => key),
    ["Pumpe: Druck"],
  );
});

test("every setting of a server and of an endpoint arrives, whatever their order", () => {
  const { points, ...server } = onlyServer("modbus-all-settings");
  assert.equal(server.intervalMs, 1.5);
  assert.equal(server.timeoutMs, 250);
  assert.equal(server.retryIntervalMs, 86_400_000);
  assert.equal(server.maxGap, 10);
  assert.equal(server.pauseBetweenRequestsMs, 0);
  assert.equal(server.pauseAfterConnectMs, 2500);
  assert.equal(server.connectsPerRequest, true);
  assert.deepEqual(points.map(summary), [
    "Pumpe: Float | FC04 unit 9 0+2 bit -1 Float->Double DCBA",
    "Pumpe: Text | FC03 unit 0 0+125 bit -1 String->String CDAB",
    "Pumpe: Ungleich null | FC03 unit 0 0+1 bit -1 Boolean->Boolean CDAB",
    "Pumpe: Doppel | FC03 unit 0 0+4 bit -1 Double->Double CDAB",
    "Pumpe: Doppel[1] | FC03 unit 0 4+4 bit -1 Double->Double CDAB",
  ]);
  const { scale, bias, unit } = points[0] ?? assert.fail();
  assert.deepEqual([scale, bias, unit], ["1e-1", "-1", "m³/h"]);
});

test("raw values without a value arrive as the bits of the registers", () => {
  assert.deepEqual(
    onlyServer("modbus-no-value").points.map(({ key, noValue }) => [key, noValue?.patterns, noValue?.notANumber]),
    [
      ["Wechselrichter: Leistung", ["0x8000"], false],
      ["Wechselrichter: Energie", ["0xffffffff", "0x80000000", "0xfffffffe"], false],
      ["Wechselrichter: Strom", ["0x461c3f9a", "0x0", "0x80000000"], true],
      ["Wechselrichter: Zähler", ["0xffffffffffffffff", "0x8000000000000000"], false],
      ["Wechselrichter: Spannung", ["0xfe37e43c8800759c"], true],
      ["Wechselrichter: Meldung", ["0xffff"], false],
      ["Wechselrichter: Werte", ["0x8000", "0x7fff"], false],
      ["Wechselrichter: Werte[1]", ["0x8000", "0x7fff"], false],
      ["Wechselrichter: Werte[2]", ["0x8000", "0x7fff"], false],
      ["Wechselrichter: Kurz", ["0x8000", "0x0"], false],
    ],
  );
  assert.equal(onlyServer("modbus-text").points[0]?.noValue, undefined);
});

test("a text has the encoding of its endpoint, and one character in each register of UTF-16BE", () => {
  assert.deepEqual(
    onlyServer("modbus-text").points.map(({ text }) => [text?.encoding, text?.charactersPerRegister]),
    [
      ["ISO-8859-1", 2],
      ["windows-1252", 1],
      ["UTF-16BE", 1],
      ["UTF-16BE", 1],
      ["UTF-8", 2],
    ],
  );
});

test("white space around numbers and functions, comments and CDATA sections do not matter", () => {
  const { points, host, port } = onlyServer("modbus-white-space-and-comments");
  assert.deepEqual([host, port], ["10.0.0.1", 502]);
  assert.deepEqual(points.map(summary), ["A: Grenzwert < 5 & gut | FC03 unit 1 7+1 bit -1 UInt16->UInt16 ABCD"]);
  assert.equal(points[0]?.description, "<b>");
});

test("of equal names the last has the plain key, as in the Python partition, and the others say where they are", () => {
  assert.deepEqual(
    onlyServer("modbus-colliding-names").points.map(({ key, address }) => [key, address]),
    [
      ["Pumpe: Druck (unit 1, holding register 0)", 0],
      ["Pumpe: Druck (unit 1, holding register 1)", 1],
      ["Pumpe: Druck (2)", 2],
      ["Pumpe: Druck", 3],
    ],
  );
});

test("an element of an array gives way to an endpoint of that name", () => {
  assert.deepEqual(
    onlyServer("modbus-colliding-elements").points.map(({ key, address }) => [key, address]),
    [
      ["Pumpe: Tür (unit 1, holding register 0)", 0],
      ["Pumpe: Tür (unit 1, holding register 0)[1]", 1],
      ["Pumpe: Tür (unit 1, holding register 0)[2]", 2],
      ["Pumpe: Tür[1]", 9],
      ["Pumpe: Tür", 20],
      ["Pumpe: Tür[1] (unit 1, holding register 21)", 21],
    ],
  );
});

test("TLS settings hold absolute paths, the host as expected name and TLS 1.2, unless they say otherwise", () => {
  const folder = join(import.meta.dirname, "../../../configuration/cases", "modbus-tls");
  const [plain, , other] = caseServers("modbus-tls");
  const files = { caFile: join(folder, "plain.pem"), clientPrivateKeyFile: join(folder, "client.key") };
  assert.deepEqual(plain?.tls, {
    ...files,
    clientCertificateFile: join(folder, "plain.pem"),
    serverName: "192.168.10.20",
    minimumVersion: "1.2",
  });
  assert.deepEqual(other?.tls, {
    ...files,
    clientCertificateFile: join(folder, "critical.der"),
    serverName: "pumpe.example",
    minimumVersion: "1.3",
  });
});

test("the key of a connection is never given to a point", () => {
  const keys = caseServers("modbus-colliding-servers").flatMap(({ points }) => points.map(({ key }) => key));
  assert.deepEqual(keys, [
    "A: B: C (unit 1, holding register 0)",
    "A: B: C",
    "ModbusTCP Connections:A: Connection status (unit 1, holding register 0)",
  ]);
});

test("the shipped file loads with all functions, types and units, and one warning about a write function", () => {
  const file = join(import.meta.dirname, "../../../../../packages/partition/config/modbustcp-endpoints_ecotec.xml");
  const { configuration, warnings } = loadModbusConfiguration(file);
  assert.deepEqual(
    warnings.map(({ message }) => message.includes("is skipped because")),
    [true],
  );
  const points = configuration.servers.flatMap((server) => server.points);
  assert.deepEqual(new Set(points.map(({ functionCode }) => functionCode)), new Set([1, 2, 3, 4]));
  assert.ok(points.some(({ wireType }) => wireType === BuiltInType.String));
  assert.ok(points.some(({ bit }) => bit === 15));
  assert.ok(points.some(({ key }) => key.endsWith("[3]")));
  assert.equal(new Set(points.map(({ key }) => key)).size, points.length);
});
