import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import { test } from "node:test";

import * as fc from "fast-check";

import {
  hostInUrl,
  hostNameMatches,
  hostOf,
  readHost,
  readUrlHost,
} from "../../../packages/partition/src/certificates/host-name.ts";

function refusal(reading: ReturnType<typeof readHost>): string {
  return "because" in reading ? reading.because : assert.fail(`${reading.host} was taken`);
}

test("every IPv4 address in four plain decimal numbers is taken as it is", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      fc.pre(address !== "0.0.0.0");
      assert.deepEqual(readHost(address), { host: address });
    }),
  );
});

test("no other way of writing an IPv4 address is taken", () => {
  const number = fc
    .nat(0xffff_ffff)
    .chain((value) =>
      fc.constantFrom(String(value), `0x${value.toString(16)}`, `0${value.toString(8)}`, `0X${value.toString(16)}`),
    );
  const part = fc
    .nat(300)
    .chain((value) =>
      fc.constantFrom(String(value), `0${value}`, `00${value}`, `0x${value.toString(16)}`, `0${value.toString(8)}`),
    );
  const parts = fc.array(part, { minLength: 2, maxLength: 5 }).map((all) => all.join("."));
  fc.assert(
    fc.property(fc.oneof(number, parts), fc.constantFrom("", "."), (address, dot) => {
      const written = `${address}${dot}`;
      fc.pre(!isIPv4(written));
      refusal(readHost(written));
    }),
    { numRuns: 1000 },
  );
});

for (const [written, remedy] of [
  ["127.000.000.010", "as octal: 127.0.0.8|did you mean 127.0.0.10?"],
  ["192.168.08.09", "did you mean 192.168.8.9?"],
  ["0x7f.1", "did you mean 127.0.0.1?"],
  ["127.1", "did you mean 127.0.0.1?"],
  ["2130706433", "did you mean 127.0.0.1?"],
  ["0x7f000001", "did you mean 127.0.0.1?"],
  ["127.0.0.1.", "did you mean 127.0.0.1?"],
  ["１２７.0.0.1", "did you mean 127.0.0.1?"],
  ["010.1", "without leading zeros"],
  ["256.1.1.1", "four numbers from 0 to 255"],
  ["1.2.3.4.5", "four numbers from 0 to 255"],
  ["0.0.0.0", "the address of one host"],
  ["::", "the address of one host"],
  ["fe80::1", "fe80::1%eth0"],
  ["fd00::1%eth0", "did you mean fd00::1?"],
  ["10.0.0.1:502", "has a port"],
  ["[::1]:502", "has a port"],
  ["12345::", "no IPv6 address"],
  ["plc/../x", "letters, digits"],
  ["plc?x", "letters, digits"],
  ["", "letters, digits"],
] as const) {
  test(`${JSON.stringify(written)} is refused as a host, with what to write`, () => {
    const because = refusal(readHost(written));
    for (const words of remedy.split("|")) assert.ok(because.includes(words), because);
  });
}

test("host names stay as they are, IPv6 addresses lose their brackets and get their shortest form", () => {
  for (const name of ["plc", "plc.", "PLC-1.werk.example", "plc_1", "süd.example", "3com.example"]) {
    assert.deepEqual(readHost(name), { host: name });
  }
  for (const address of ["::1", "[::1]", "0:0:0:0:0:0:0:1", "[0000::0001]"]) {
    assert.deepEqual(readHost(address), { host: "::1" });
  }
  assert.deepEqual(readHost("[FE80::1%eth0]"), { host: "fe80::1%eth0" });
});

test("the host of a URL is read as it stands there, before a URL parser makes another one of it", () => {
  assert.deepEqual(readUrlHost("opc.tcp://[::1]:4840/x"), { host: "::1" });
  assert.deepEqual(readUrlHost("OPC.TCP://plc:4840?x"), { host: "plc" });
  assert.match(refusal(readUrlHost("opc.tcp://127.000.000.010:4840/")), /did you mean 127\.0\.0\.10\?/);
  assert.match(refusal(readUrlHost("opc.tcp://[fe80::1%25eth0]:4840")), /interface, which an endpoint URL cannot name/);
  assert.match(refusal(readUrlHost("opc.tcp://::1:4840")), /in brackets/);
  assert.match(refusal(readUrlHost("opc.tcp://%70lc:4840")), /letters, digits/);
  assert.equal(hostOf("opc.tcp://[::1]:4840"), "::1");
  assert.equal(hostInUrl("::1"), "[::1]");
  assert.equal(hostInUrl("plc"), "plc");
});

test("names in a certificate match the host that was dialled only as a whole and in canonical form", () => {
  for (const [named, dialled] of [
    ["PLC.example", "plc.example."],
    ["süd.example", "xn--sd-xka.example"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["fe80::1", "fe80::1%eth0"],
    ["10.0.0.1", "10.0.0.1"],
  ] as const) {
    assert.ok(hostNameMatches(named, dialled), named);
  }
  for (const [named, dialled] of [
    ["plc/../x", "plc"],
    ["plc?x", "plc"],
    ["plc#x", "plc"],
    ["plc:80", "plc"],
    ["0x7f000001", "127.0.0.1"],
    ["2130706433", "127.0.0.1"],
    ["127.000.000.001", "127.0.0.1"],
    ["*.example", "plc.example"],
    ["", ""],
  ] as const) {
    assert.equal(hostNameMatches(named, dialled), false, named);
  }
});
