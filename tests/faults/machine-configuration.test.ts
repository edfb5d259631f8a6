// The configuration file is replaced, while the partition runs, by something that is none.

import assert from "node:assert/strict";
import { mkdirSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { fault } from "./fault.ts";
import { TestedPartition } from "./tested-partition.ts";

/** How often the partition looks at its files. */
const lookMs = 1000;

/** What is done to the file; what undoes it, where writing it again does not. */
type Spoil = (path: string, good: string) => (() => void) | void;

const spoilt: Readonly<Record<string, readonly [Spoil, RegExp]>> = {
  "that is no XML": [(path) => writeFileSync(path, "<modbus-servers><server>&</modbus-servers>"), /modbus\.xml:1/],
  "that the grammar does not allow": [
    (path, good) => writeFileSync(path, good.replaceAll("<address>0</address>", "")),
    /modbus\.xml:\d+.*address/,
  ],
  "that is empty": [(path) => writeFileSync(path, ""), /modbus\.xml/],
  "that is half of one, because it is still being written": [
    (path, good) => writeFileSync(path, good.slice(0, good.length / 2)),
    /modbus\.xml:\d+/,
  ],
  "that is not there any more": [(path) => rmSync(path), /modbus\.xml:1: cannot read the file/],
  "that is a directory": [
    (path) => {
      rmSync(path);
      mkdirSync(path);
      return () => rmdirSync(path);
    },
    /modbus\.xml/,
  ],
  "that is a link to itself": [
    (path) => {
      rmSync(path);
      symlinkSync(path, path);
      return () => rmSync(path);
    },
    /modbus\.xml/,
  ],
  "of zeros, as a file system leaves after a power failure": [
    (path, good) => writeFileSync(path, Buffer.alloc(good.length)),
    /modbus\.xml/,
  ],
};

fault({
  area: "Machine",
  trigger:
    "the configuration becomes a file that is broken, empty, half-written, gone, a directory, a link to itself or full of zeros",
  holds:
    "each is refused with its reason, the old one goes on without a pause, and the repaired file is taken over once",
  run: async (t) => {
    const [device, other] = await Promise.all([startBornDevice(t, 0), startBornDevice(t, 100)]);
    const before = { alias: "device", port: device.port, firstPlace: 0, points: 3 };
    const partition = new TestedPartition(t, { modbus: bornModbusXml(before), rules: { bystanders: ["device"] } });
    await partition.untilGood("device");
    await partition.healthy();
    const path = join(partition.sandbox.folder, "modbus.xml");
    for (const [kind, [spoil, reason]] of Object.entries(spoilt)) {
      const [refusals, problems] = [refused(partition), partition.child.logged(reason).length];
      const mend = spoil(path, bornModbusXml(before));
      await partition.until(`a file ${kind} is refused`, () => refused(partition) > refusals);
      assert.ok(partition.child.logged(reason).length > problems, `no reason was told for a file ${kind}`);
      const taken = takenOver(partition);
      mend?.();
      // Each time another one, or it would be no change.
      const added = { alias: "other", port: other.port, firstPlace: 100, points: 1 + taken };
      partition.sandbox.write("modbus.xml", bornModbusXml(before, added));
      partition.child.signal("SIGHUP");
      await partition.until("the repaired one is taken over", () => takenOver(partition) > taken);
      await partition.until("it is in force", () => partition.witness.statuses("other")?.length === 1 + taken);
    }
    await pause(2 * lookMs);
    assert.equal(device.connections, 1, "the server that stays is never disconnected");
    assert.equal(takenOver(partition), Object.keys(spoilt).length, "the signal and the changed file are one change");
    partition.sandbox.write("modbus.xml", bornModbusXml(before));
    await partition.until("the first one is back", () => partition.witness.statuses("other") === undefined);
    await partition.end();
  },
});

function refused(partition: TestedPartition): number {
  return partition.child.logged(/changed configuration rejected/).length;
}

function takenOver(partition: TestedPartition): number {
  return partition.child.logged(/^configuration applied/).length;
}
