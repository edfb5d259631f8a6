// What Python consumers do to the shared memory, and that the partition carries on: acknowledgements, segments that a
// resource tracker unlinks, consumers that die while they hold the guard.

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { OpenedImage } from "../../packages/image/src/opened-image.ts";
import { modbusServersXml } from "../plant/configuration-xml.ts";
import { Partition, parse } from "./partition.ts";
import { until } from "../until.ts";
import { Peer } from "./peer.ts";

const KEY = "lib: registers[1]";
const VALUE = 257;

/** A partition on a libmodbus device with one segment for each consumer. */
async function running(partition: Partition, consumers?: readonly string[]): Promise<void> {
  const device = partition.keep(Peer.libmodbus());
  const port = await partition.beforeModbus((await device.message())["port"] as number);
  const xml = modbusServersXml({
    alias: "lib",
    port,
    endpoints: [{ name: "registers", function: 3, address: 0, quantity: 100 }],
  });
  partition.run({ modbus: partition.write("modbus.xml", xml), ...(consumers === undefined ? {} : { consumers }) });
}

function holdsValue(text: unknown): boolean {
  return parse(text as string)?.[KEY]?.["value"] === VALUE;
}

test("an acknowledgement in one consumer's segment never shows in another's", async () => {
  await using partition = new Partition();
  await running(partition, ["psmo", "interface"]);
  const acknowledging = await partition.consumer("modbus", "psmo");
  const reading = await partition.consumer("modbus", "interface");
  await partition.sees(reading, KEY, VALUE);
  await partition.sees(acknowledging, KEY, VALUE);

  for (let round = 0; round < 5; round++) {
    await acknowledging.ask("acknowledge");
    assert.ok(holdsValue((await reading.ask("read"))["text"]));
    await until("the acknowledged segment holds a whole document again", async () =>
      holdsValue((await acknowledging.ask("read"))["text"]),
    );
  }
});

test("consumers that share one segment see a whole document or an acknowledgement, and the document comes back", async () => {
  await using partition = new Partition();
  await running(partition);
  const acknowledging = await partition.consumer("modbus");
  const reading = await partition.consumer("modbus");
  await partition.sees(reading, KEY, VALUE);

  for (let round = 0; round < 5; round++) {
    assert.ok(holdsValue((await acknowledging.ask("acknowledge"))["text"]));
    await until("the document is back", async () => {
      const { text } = await reading.ask("read");
      if (holdsValue(text)) return true;
      assert.match(text as string, /^[0-9a-f]{32}/);
      return false;
    });
    await until("the acknowledging consumer has it too", async () =>
      holdsValue((await acknowledging.ask("read"))["text"]),
    );
  }
});

test("a segment that a resource tracker unlinked is back within three cycles, and later consumers see values", async () => {
  await using partition = new Partition();
  await running(partition);
  const tracked = await partition.consumer("modbus", undefined, "tracked");
  await partition.sees(tracked, KEY, VALUE);
  const { inode } = await tracked.ask("inode");
  using image = new OpenedImage(`${partition.prefix}modbus_image`);
  const cycle = (): number => Number(image.current()?.snapshot(0)?.state.cycle);
  await tracked.close();

  let goneAtCycle: number | undefined;
  await until("another segment with values stands under the name", () => {
    const path = `/dev/shm/${partition.segment("modbus")}`;
    // The one that runs when the tracker unlinks the name does not count.
    const cycles = goneAtCycle === undefined ? 0 : cycle() - goneAtCycle - 1;
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.ino === inode) return false;
    goneAtCycle ??= cycle();
    if (found !== undefined && holdsValue(readFileSync(path, "utf8").replace(/\0+$/, ""))) return true;
    assert.ok(cycles < 3, `no values in the segment after ${cycles} cycles`);
    return false;
  });
  const later = await partition.consumer("modbus");
  await partition.sees(later, KEY, VALUE);
  assert.equal(statSync(`/dev/shm/${partition.segment("modbus")}`).mode & 0o777, 0o660);
});

test("a consumer that died with the guard in its hands stops nobody: the guard is sound again, values go on", async () => {
  await using partition = new Partition();
  await running(partition, ["psmo", "interface"]);
  const reading = await partition.consumer("modbus", "interface");
  const dying = await partition.consumer("modbus", "psmo");
  await partition.sees(dying, KEY, VALUE);
  await dying.last("die");

  const heir = await partition.consumer("modbus", "psmo");
  await partition.sees(heir, KEY, VALUE);
  assert.ok(holdsValue((await reading.ask("read"))["text"]));
  await until("the guard is at 1 again", async () => (await heir.ask("guard"))["value"] === 1);
});

test("a consumer that holds the guard for long gives back what is not missing: the guard never stays above 1", async () => {
  await using partition = new Partition();
  await running(partition);
  const holding = await partition.consumer("modbus");
  await partition.sees(holding, KEY, VALUE);
  await holding.ask("hold");
  await until("the partition took its patience for over", async () => {
    const { value } = await holding.ask("guard");
    return (value as number) > 0 || /guard|semaphore/i.test(partition.log);
  });
  await holding.ask("release");

  await until("the guard is at 1 again", async () => (await holding.ask("guard"))["value"] === 1);
  await partition.sees(holding, KEY, VALUE);
});

test("a consumer that cuts the segment to nothing does not hurt the writer: size and values are back", async () => {
  await using partition = new Partition();
  await running(partition);
  const cutting = await partition.consumer("modbus");
  await partition.sees(cutting, KEY, VALUE);
  const { size } = statSync(`/dev/shm/${partition.segment("modbus")}`);
  await cutting.ask("truncate");

  await until(
    "the segment has its size again",
    () => statSync(`/dev/shm/${partition.segment("modbus")}`).size === size,
  );
  await partition.sees(cutting, KEY, VALUE);
});

test("a semaphore that a consumer removed is back under its name, and guards", async () => {
  await using partition = new Partition();
  await running(partition);
  const removing = await partition.consumer("modbus");
  await partition.sees(removing, KEY, VALUE);
  await removing.ask("unlink");

  const later = await partition.consumer("modbus");
  await partition.sees(later, KEY, VALUE);
  assert.equal((await later.ask("guard"))["value"], 1);
});

test("after kill -9 a new run takes the objects over: consumers keep their mapping and see values again", async () => {
  await using partition = new Partition();
  await running(partition);
  const consumer = await partition.consumer("modbus");
  await partition.sees(consumer, KEY, VALUE);
  const { inode } = await consumer.ask("inode");
  await partition.kill();
  await consumer.ask("acknowledge");

  partition.runAgain();
  await partition.sees(consumer, KEY, VALUE);
  assert.equal(statSync(`/dev/shm/${partition.segment("modbus")}`).ino, inode);
  assert.equal((await consumer.ask("guard"))["value"], 1);
});

test("after SIGTERM the last document says that the connection is down, and the objects stay for the consumer", async () => {
  await using partition = new Partition();
  await running(partition);
  const consumer = await partition.consumer("modbus");
  await partition.sees(consumer, KEY, VALUE);
  assert.equal(await partition.stop(), 0);

  const document = parse((await consumer.ask("read"))["text"] as string);
  assert.deepEqual(
    Object.entries(document ?? {}).map(([key, entry]) => [key, entry["value"]]),
    [["ModbusTCP Connections:lib: Connection status", false]],
  );
  assert.equal((await consumer.ask("guard"))["value"], 1);
});
