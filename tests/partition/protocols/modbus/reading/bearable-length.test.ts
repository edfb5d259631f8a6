// Devices that fall silent, or close the connection, in a long request, and say nothing.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BearableLength } from "../../../../../packages/partition/src/protocols/modbus/reading/bearable-length.ts";
import { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import { run } from "../../../../plant/modbus-points.ts";
import { connected, poll, running, type Plant } from "../../../../plant/modbus-rig.ts";
import { data, response, scrambled, type Behaviour } from "../../../../plant/modbus-device.ts";

const settings = { timeoutMs: 400, retryIntervalMs: 30_000, maxGap: 0 };

/** Connects and polls again after each failure, as the server's loop does, until a poll asks for so few; the failures. */
async function reach(plant: Plant, isReached: (asked: readonly string[]) => boolean): Promise<number> {
  for (let failures = 0; failures < 30;) {
    try {
      if (isReached((await poll(plant)).asked)) return failures;
    } catch (error) {
      assert.ok(error instanceof ServerError, String(error));
      failures++;
      await plant.client.connect(running);
    }
  }
  throw new Error(`not reached after ${plant.device.requests.length} requests`);
}

const bearing =
  (most: number, close = false): Behaviour =>
  (request) => {
    if (request.quantity <= most) return response(request, data(request));
    if (close) request.socket.destroy();
    return undefined;
  };

for (const [what, close] of [
  ["falls silent", false],
  ["closes the connection", true],
] as const) {
  test(`a device that ${what} in long requests is asked for shorter ones, and it is shown`, async () => {
    const plant = await connected(run(0, 100), bearing(30, close), settings);
    await reach(plant, (asked) => asked.length === 4 && plant.client.requestLimit !== undefined);
    assert.equal(plant.client.requestLimit, 25);
    assert.equal(
      plant.logged.filter((line) => /does not answer long requests: request limit of 25/.test(line)).length,
      1,
    );
    const { sink, asked } = await poll(plant);
    assert.deepEqual(asked, ["1/3: 0+25", "1/3: 25+25", "1/3: 50+25", "1/3: 75+25"]);
    assert.deepEqual(
      Array.from({ length: 100 }, (_, index) => sink.value(index)),
      Array.from({ length: 100 }, (_, index) => scrambled(1, 3, index)),
    );
  });
}

test("of long and short requests the long ones are halved when they repeat without an answer", async () => {
  const plant = await connected([...run(0, 10), ...run(500, 100)], bearing(60), settings);
  const failures = await reach(plant, (asked) => asked.includes("1/3: 500+50"));
  assert.equal(failures, 2);
  assert.equal(plant.client.requestLimit, 50);
});

function learned(): BearableLength {
  const length = new BearableLength();
  for (let times = 0; times < 2; times++) {
    length.answered(10, 0);
    length.silent(100, false, 0);
  }
  assert.equal(length.limit, 50);
  return length;
}

describe("the bearable length", () => {
  test("is not learned from one silence, nor from silences with a long answer between them", () => {
    const length = new BearableLength();
    for (let times = 0; times < 5; times++) {
      length.answered(10, 0);
      length.silent(100, false, 0);
      length.answered(10, 0);
      length.answered(100, 0);
    }
    assert.deepEqual([length.limit, length.at(0)], [undefined, Infinity]);
  });

  test("is not learned from a device that was away altogether, wherever the search was when it came back", () => {
    for (const lengths of [
      [100, 100, 50, 25, 13, 1],
      [100, 100, 50, 25],
      [100, 100],
    ]) {
      const length = new BearableLength();
      for (const quantity of lengths) {
        assert.ok(length.at(0) >= quantity);
        length.silent(quantity, quantity === 1, 0);
      }
      const back = Math.min(100, length.at(0));
      length.answered(back, 0);
      assert.equal(length.at(0), Infinity, "the whole is asked for again");
      length.answered(100, 0);
      length.silent(100, false, 0);
      assert.deepEqual([length.limit, length.at(0)], [undefined, Infinity]);
    }
  });

  test("is tried doubled after ten minutes, and later each time it is in vain", () => {
    const length = learned();
    assert.deepEqual([length.at(599_999), length.at(600_000)], [50, 100]);
    length.silent(100, false, 600_000);
    assert.deepEqual([length.limit, length.at(1_799_999), length.at(1_800_000)], [50, 50, 100]);
    length.answered(100, 1_800_000);
    assert.equal(length.limit, 100);
  });
});
