// `cpc probe` before devices with holes, limits, silent unit ids and no manners.

import assert from "node:assert/strict";
import { test } from "node:test";
import { data, exception, response, startDevice, type Behaviour } from "../../plant/modbus-device.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };

interface Seen {
  readonly units: readonly { unitId: number; exception?: string }[] | null;
  readonly tables: readonly {
    readonly table: string;
    readonly unitId: number;
    readonly longestRequest: number;
    readonly values: readonly Readonly<Record<string, unknown>>[];
    readonly refused: readonly { readonly address: number; readonly quantity: number; readonly because: string }[];
    readonly notAsked: { readonly address: number; readonly quantity: number; readonly because: string } | null;
  }[];
}

/**
 * Unit id 3 has holding registers 100 to 119 without 107, and answers for at most 8 at a time; for 2, which does not exist, something answers, too, and
 * other unit ids are silent.
 */
const difficult: Behaviour = (request) => {
  const { unitId, functionCode, address, quantity } = request;
  if (unitId === 2) return exception(request, 4);
  if (unitId === 9) return exception(request, 11);
  if (unitId !== 3) return undefined;
  if (functionCode !== 3) return exception(request, 1);
  if (quantity > 8) return exception(request, 3);
  const hasHole = address <= 107 && address + quantity > 107;
  if (address < 100 || address + quantity > 120 || hasHole) return exception(request, 2);
  return response(
    request,
    data(request, (_unit, _code, register) => (register === 100 ? 0x41a4 : register === 101 ? 0xcccd : register)),
  );
};

test("probe shows what is readable, as every type, and why the rest is not", watchdog, async (t) => {
  const device = await startDevice(difficult);
  t.after(() => device.close());
  const sandbox = new Sandbox(t);
  const address = `127.0.0.1:${device.port}`;
  const { code, stdout, stderr } = await sandbox.cpc(["probe", address, "--unit", "3", "--holding", "98..121"]).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^100 +40101 +41A4 +16804 +16804 +A\. *$/m);
  assert.match(stdout, /^Float +ABCD +CDAB +BADC +DCBA *\n100 to 101 +20\.6 /m);
  assert.match(stdout, /holding registers 98 to 121: the longest request answered has 7 addresses/);
  assert.match(stdout, /Addresses 98 to 99 are not readable: exception 2, illegal data address\./);
  assert.match(stdout, /Address 107 is not readable/);
  assert.match(stdout, /Addresses 120 to 121 are not readable/);

  const json = await sandbox.ran("probe", address, "--unit", "3", "--holding", "98..121", "--json");
  const [table] = (JSON.parse(json.stdout) as Seen).tables;
  const readable = [...Array(20).keys()].map((at) => 100 + at).filter((at) => at !== 107);
  assert.deepEqual(
    table?.values.map((value) => value["address"]),
    readable,
  );
  assert.deepEqual(
    table?.values.slice(2).map(({ UInt16 }) => UInt16),
    readable.slice(2),
  );
  assert.deepEqual(
    table?.refused.map(({ address: first, quantity }) => [first, quantity]),
    [
      [98, 2],
      [107, 1],
      [120, 2],
    ],
  );
  assert.ok(device.requests.every(({ functionCode }) => functionCode >= 1 && functionCode <= 4));
});

test("probe looks for unit ids, and does not take a gateway's word for a device", watchdog, async (t) => {
  const device = await startDevice(difficult);
  t.after(() => device.close());
  const { code, stdout } = await new Sandbox(t).ran(
    "probe",
    `127.0.0.1:${device.port}`,
    "--timeout",
    "1",
    "--scan",
    "1..9",
    "--json",
  );
  const { units, tables } = JSON.parse(stdout) as Seen;
  assert.deepEqual(units, [
    { unitId: 2, exception: "exception 4, server device failure" },
    { unitId: 3, exception: "exception 2, illegal data address" },
  ]);
  assert.deepEqual(
    tables.map(({ table, refused }) => [table, refused[0]?.because]),
    [
      ["coils", "exception 1, illegal function"],
      ["discrete", "exception 1, illegal function"],
      ["holding", "exception 2, illegal data address"],
      ["input", "exception 1, illegal function"],
    ],
  );
  assert.equal(code, 1, "nothing was readable");
});

test("a device that closes the connection, or answers nonsense, is asked on", watchdog, async (t) => {
  const device = await startDevice((request) => {
    if (request.address === 1 && request.quantity === 1) request.socket.destroy();
    else if (request.quantity > 1)
      return response(request, data(request), { transactionId: request.transactionId + 1 });
    else return response(request, data(request));
    return undefined;
  });
  t.after(() => device.close());
  const { code, stdout } = await new Sandbox(t).ran(
    "probe",
    `127.0.0.1:${device.port}`,
    "--holding",
    "0..0",
    "--input",
    "1..2",
    "--json",
  );
  assert.equal(code, 0);
  const [holding, input] = (JSON.parse(stdout) as Seen).tables;
  assert.equal(holding?.values.length, 1);
  assert.equal(holding?.longestRequest, 1);
  assert.deepEqual(
    [input?.values.map(({ address }) => address), input?.refused.map(({ address }) => address)],
    [[2], [1]],
  );
  assert.match(input?.refused[0]?.because ?? "", /closed the connection|was closed|connection/);
});

test("a silent address hides none behind it", watchdog, async (t) => {
  const silent = new Set([104, 131]);
  const device = await startDevice((request) => {
    const { functionCode, address, quantity } = request;
    if (functionCode === 1 && address <= 3 && address + quantity > 3) request.socket.destroy();
    const isHeard = ![...silent].some((one) => functionCode === 3 && address <= one && one < address + quantity);
    return isHeard ? response(request, data(request)) : undefined;
  });
  t.after(() => device.close());
  const ranges = ["--holding", "100..140", "--coils", "0..5"];
  // What is not silent answers within that on a busy machine, too.
  const args = ["probe", `127.0.0.1:${device.port}`, "--timeout", "1", ...ranges, "--json"];
  const { code, stdout } = await new Sandbox(t).ran(...args);
  assert.equal(code, 0);
  const [coils, holding] = (JSON.parse(stdout) as Seen).tables;
  assert.deepEqual(
    holding?.refused.map(({ address, quantity, because }) => [address, quantity, because]),
    Array.from(silent, (address) => [address, 1, "no answer within 1 s"]),
  );
  assert.equal(holding?.values.length, 39);
  assert.equal(holding?.notAsked, null);
  assert.deepEqual([coils?.refused.map(({ address }) => address), coils?.values.length], [[3], 5]);
});

test("of a silent range the output says what was not asked for", watchdog, async (t) => {
  const device = await startDevice(() => undefined);
  t.after(() => device.close());
  const sandbox = new Sandbox(t);
  const args = ["probe", `127.0.0.1:${device.port}`, "--timeout", "0.05", "--input", "0..99"];
  const [input] = (JSON.parse((await sandbox.ran(...args, "--json")).stdout) as Seen).tables;
  // One for the whole range, and 29 addresses.
  assert.deepEqual(input?.refused, [{ address: 0, quantity: 29, because: "no answer within 0.05 s" }]);
  assert.deepEqual(input?.notAsked, { address: 29, quantity: 71, because: "30 requests before had no answer" });
  assert.match(
    (await sandbox.ran(...args)).stdout,
    /^Addresses from 29 to 99 were not asked for because 30 requests before had no answer\. Ask for them with --input 29\.\.99\.$/m,
  );
});

test("probe says what cannot be reached or read", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const device = await startDevice(() => undefined);
  const address = `127.0.0.1:${device.port}`;
  const silent = await sandbox.ran("probe", address, "--timeout", "0.05", "--scan", "1..3");
  assert.equal(silent.code, 1);
  assert.match(silent.stderr, /no unit id of 1 to 3 answered; look for others with --scan/);
  await device.close();
  const none = await sandbox.ran("probe", address);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /^cannot read from 127\.0\.0\.1:\d+ because nothing listens there/);
  for (const [args, message] of [
    [["127.0.0.1:0"], /The port must be a number from 1 to 65535/],
    [["0127.0.0.1"], /did you mean 127\.0\.0\.1\?/],
    [["plc", "--holding", "9..3"], /100 or 100\.\.119/],
    [["plc", "--unit", "256"], /from 0 to 255/],
  ] as const) {
    const refused = await sandbox.ran("probe", ...args);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, message);
  }
});
