import assert from "node:assert/strict";
import { test } from "node:test";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";

test("without consumers a service has one pair with the plain names", () => {
  assert.deepEqual(consumerPairNames("opcua"), [
    { consumer: "", segmentName: "opcua_shm", semaphoreName: "opcua_semaphore" },
  ]);
  assert.deepEqual(consumerPairNames("modbus"), [
    { consumer: "", segmentName: "modbus_shm", semaphoreName: "modbus_semaphore" },
  ]);
});

test("each consumer has a pair of its own, in the list's order, once", () => {
  assert.deepEqual(consumerPairNames("opcua", ["psmo", "interface", "psmo"]), [
    { consumer: "psmo", segmentName: "opcua_shm_psmo", semaphoreName: "opcua_semaphore_psmo" },
    { consumer: "interface", segmentName: "opcua_shm_interface", semaphoreName: "opcua_semaphore_interface" },
  ]);
});

test("the prefix goes before every name", () => {
  assert.deepEqual(consumerPairNames("modbus", ["psmo"], "line2_"), [
    { consumer: "psmo", segmentName: "line2_modbus_shm_psmo", semaphoreName: "line2_modbus_semaphore_psmo" },
  ]);
});
