import assert from "node:assert/strict";
import { test } from "node:test";
import { header } from "../../../packages/image/src/layout.ts";
import { bitsOfServices } from "../../../packages/image/src/service-name.ts";
import { serverOf } from "../../image/sample-image.ts";
import { TestWriter } from "../../readers/test-writer.ts";
import { Sandbox, type Ended } from "./cpc.ts";
import { freePort } from "../../plant/free-port.ts";
import { device, modbusXml } from "../../plant/modbus-plant.ts";
import { opcUaXml } from "../../plant/configuration-xml.ts";

const watchdog = { timeout: 200_000 };
const fast = "<retryInterval>0.1</retryInterval>";

const parsed = ({ stdout }: Ended): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

test("when every server is lost the partition is alive, and status says what is lost", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const lost = await device(t);
  const run = sandbox.run(
    "--modbus",
    sandbox.write("modbus.xml", modbusXml({ alias: "A", port: lost.port, settings: fast })),
  );
  await run.until("there are values", () => sandbox.value("A: always 42") === 42);
  const well = await sandbox.cpc(["status", "--require-connected", "--prefix", sandbox.prefix]).ended;
  assert.equal(well.code, 0);
  assert.match(well.stdout, /^All servers connected \(1\), all points good \(2\)\.\n/);

  await lost.close();
  await run.until(
    "it is lost",
    () => run.logged(/^(connection lost|cannot)/).length > 0 && sandbox.value("A: always 42") === undefined,
  );
  const { code, stdout } = await sandbox.command("status");
  assert.equal(code, 0);
  assert.match(stdout, /^1 of 1 servers lost: A\. 2 of 2 points bad\.\n/);
  const json = await sandbox.command("status", "--json", "--require-connected");
  assert.equal(json.code, 1);
  const { isAlive, serversLost, pointsBad } = parsed(json);
  assert.deepEqual({ isAlive, serversLost, pointsBad }, { isAlive: true, serversLost: 1, pointsBad: 2 });
});

for (const ending of ["SIGTERM", "SIGKILL"] as const) {
  test(
    `a service that only a run before had does not count, after ${ending}, and can be removed`,
    watchdog,
    async (t) => {
      const sandbox = new Sandbox(t);
      const { port } = await device(t);
      const modbus = ["--modbus", sandbox.write("modbus.xml", modbusXml({ alias: "A", port }))];
      const url = `opc.tcp://127.0.0.1:${await freePort()}`;
      const opcua = ["--opcua", sandbox.write("opcua.xml", opcUaXml({ alias: "B", url, policy: "None" }))];
      const before = sandbox.run(...modbus, ...opcua);
      await before.until("both services publish", () =>
        ["modbus_shm", "opcua_shm"].every((name) => Object.keys(sandbox.document(name) ?? {}).length > 0),
      );
      await before.until("there are values", () => sandbox.value("A: always 42") === 42);
      await before.end(ending);
      const over = await sandbox.command("status");
      assert.equal(over.code, 1);
      assert.match(over.stdout, /^opcua is NOT RUNNING.* modbus is NOT RUNNING/);

      const image = sandbox.inode("modbus_image");
      const run = sandbox.run(...modbus);
      await run.until("there is a new image", () => sandbox.inode("modbus_image") !== image);
      const isDocumented = /"service": "modbus"[^]*"documentsAlive": true/;
      await run.until("it is connected and makes documents", async () => {
        const { code, stdout } = await sandbox.command("status", "--json", "--require-connected");
        return code === 0 && isDocumented.test(stdout);
      });
      const { code, stdout } = await sandbox.command("status", "--require-connected");
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^All servers connected/);
      assert.match(stdout, /opcua_image: left by a run that ended .* does not count/);

      const cleaned = await sandbox.command("clean");
      assert.equal(cleaned.code, 0);
      assert.match(cleaned.stdout, /removed semaphore .*opcua_semaphore/);
      assert.match(cleaned.stderr, /kept shared memory .*modbus_shm: a partition is running/);
      assert.deepEqual(sandbox.ownObjects(), [
        "modbus_documents",
        "modbus_image",
        "modbus_journal",
        "modbus_shm",
        "sem.modbus_semaphore",
      ]);
      assert.equal((await sandbox.command("clean")).code, 3);
    },
  );
}

test(
  "a service without an image fails the check, and not the one that starts the partition again",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    using writer = new TestWriter([serverOf("A", 0)], `${sandbox.prefix}opcua_image`);
    writer.publish(0);
    writer.image.beat();
    assert.equal((await sandbox.command("status")).code, 0);
    writer.words[header.services / 4] = bitsOfServices(["opcua", "modbus"]);
    const starting = await sandbox.command("status");
    assert.equal(starting.code, 1);
    assert.match(starting.stdout, /^modbus is STARTING: [^]*\n\S*modbus_image: STARTING, no process image yet\n$/);
    const integers = new BigInt64Array(writer.words.buffer);
    integers[header.startedNs / 8] = (integers[header.startedNs / 8] ?? 0n) - 60_000_000_000n;
    writer.image.beat();
    const missing = await sandbox.command("status");
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /^modbus has NO PROCESS IMAGE: .*\(no room in \/dev\/shm\?\)\./);
    assert.match(missing.stdout, /\n\S*opcua_image: alive [^]*\n\S*modbus_image: NO PROCESS IMAGE: its partition runs/);
    assert.equal((await sandbox.command("status", "--alive")).code, 0);
    const { isAlive, imagesMissing, services } = parsed(await sandbox.command("status", "--json"));
    assert.deepEqual([isAlive, imagesMissing], [false, 1]);
    const states = (services as { imageState: string }[]).map(({ imageState }) => imageState);
    assert.deepEqual(states, ["present", "missing"]);
  },
);

test(
  "a documents process that is dead fails the check, and not the one that starts the partition again",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { port } = await device(t);
    const run = sandbox.run("--no-documents", "--modbus", sandbox.write("modbus.xml", modbusXml({ alias: "A", port })));
    const documents = sandbox.cpc(["documents", "--prefix", sandbox.prefix]);
    await documents.until("there are values", () => sandbox.value("A: always 42") === 42);
    assert.equal((await sandbox.command("status")).code, 0);
    await documents.end("SIGKILL");
    const { code, stdout } = await sandbox.command("status");
    assert.equal(code, 1);
    assert.match(stdout, /^The documents process of modbus is NOT RUNNING/);
    assert.equal((await sandbox.command("status", "--alive")).code, 0);
    await run.end("SIGKILL");
    assert.equal((await sandbox.command("status", "--alive")).code, 1);
  },
);
