import assert from "node:assert/strict";
import { test } from "node:test";

import type { ModbusServer } from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import {
  budgetErrors,
  budgetHints,
  connectionBudgets,
} from "../../../../../packages/partition/src/protocols/modbus/reading/time-budget.ts";
import { run, server } from "../../../../plant/modbus-points.ts";

/** One request every 100 ms, 16 every 5 s. */
function twoRates(changes: Partial<ModbusServer> = {}): ModbusServer {
  const points = [...run(0, 20, { intervalMs: 100 }), ...run(1000, 2000)];
  return server(502, points, { intervalMs: 5000, ...changes });
}

test("a connection's requests are counted over all groups of all servers on it", () => {
  const [budget, other] = connectionBudgets(
    [twoRates(), server(502, run(0, 1), { host: "127.0.0.1", alias: "Other" }), server(503, run(0, 1))],
    500,
  );
  assert.ok(budget && other);
  assert.deepEqual(
    budget.groups.map(({ intervalMs, points, requests }) => [intervalMs, points, requests]),
    [
      [100, 20, 1],
      [5000, 2000, 16],
      [undefined, 1, 1],
    ],
  );
  assert.equal(budget.requestsPerSecond.toFixed(3), "15.200");
  assert.equal(budget.busy.toFixed(3), "0.152");
  assert.deepEqual([other.address, other.requestsPerSecond], ["127.0.0.1:503", 2]);
});

test("pauses that take more than all of the time are an error with a remedy, less is none", () => {
  assert.deepEqual(budgetErrors([twoRates({ pauseBetweenRequestsMs: 75 })]), []);
  const [error, ...others] = budgetErrors([twoRates({ pauseBetweenRequestsMs: 76 })]);
  assert.deepEqual(others, []);
  assert.deepEqual([error?.file, error?.line], ["test.xml", 1]);
  assert.match(
    error?.message ?? "",
    /127\.0\.0\.1:502 cannot .* pauses alone .*"Plant": 1 request every 0\.1 s .*increase <interval>/,
  );
});

test("the pause after a connect counts where each request has a connection, and two servers add up", () => {
  const slow = { pauseAfterConnectMs: 60, intervalMs: 100 };
  const one = server(502, run(0, 1), slow);
  assert.deepEqual(budgetErrors([one, { ...one, alias: "Other" }]), []);
  const perRequest = { ...one, connectsPerRequest: true };
  assert.deepEqual(budgetErrors([perRequest]), []);
  assert.equal(budgetErrors([perRequest, { ...perRequest, alias: "Other" }]).length, 1);
});

test("what does not fit with the assumed answers is a hint, also at the interval of the service", () => {
  const scattered = server(
    502,
    [...Array(60).keys()].flatMap((index) => run(2 * index, 1)),
  );
  assert.deepEqual(budgetHints([scattered], 1000), []);
  assert.match(budgetHints([scattered], 500)[0]?.message ?? "", /busy for 120 % of its time if the device takes 10 ms/);
  assert.deepEqual(budgetErrors([scattered]), []);
});

test("requests that travel together are waited for once", () => {
  const [one] = connectionBudgets([twoRates()]);
  const [eight] = connectionBudgets([twoRates({ maxInFlight: 8 })]);
  assert.deepEqual([one?.busy.toFixed(3), eight?.busy.toFixed(3)], ["0.132", "0.104"]);
});
