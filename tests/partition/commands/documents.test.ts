import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { header } from "../../../packages/documents/src/record-layout.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { until } from "../../until.ts";
import { Sandbox, type Child } from "./cpc.ts";
import { connectionKey, device, modbusXml } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 200_000 };
const connection = connectionKey("A");
const counting = "A: zählt";

async function running(t: TestContext, ...args: readonly string[]) {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const run = sandbox.run("--modbus", file, ...args);
  return { sandbox, run, file };
}

/** The documents process of a partition. */
function documentsOf({ processId }: Child): number | undefined {
  const children = readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8").trim();
  return children === "" ? undefined : Number(children.split(" ")[0]);
}

/** What is open or mapped shared in a process and lies in /dev/shm: each file's mode, by its path. */
function sharedFiles(processId: number): ReadonlyMap<string, number> {
  const files = new Map<string, number>();
  const note = (path: string, link: string): void => {
    if (!path.startsWith("/dev/shm/")) return;
    try {
      files.set(path, statSync(link).mode & 0o777);
    } catch {
      files.set(path, 0o777); // gone meanwhile: nobody knows what it was
    }
  };
  for (const folder of ["fd", "map_files"]) {
    for (const name of readdirSync(`/proc/${processId}/${folder}`)) {
      const link = `/proc/${processId}/${folder}/${name}`;
      try {
        note(readlinkSync(link), link);
      } catch {
        // closed since it was listed
      }
    }
  }
  return files;
}

async function untilMoving(run: Child, sandbox: Sandbox, segment?: string): Promise<void> {
  const seen = sandbox.value(counting, segment);
  await run.until("values move", () => ![seen, undefined].includes(sandbox.value(counting, segment)));
}

test("documents of a partition, their process and its deaths", watchdog, async (t) => {
  const { sandbox, run } = await running(t, "--consumers", "psmo,interface");
  const segment = "modbus_shm_psmo";
  await untilMoving(run, sandbox, segment);
  await untilMoving(run, sandbox, "modbus_shm_interface");

  await t.test("the partition maps and opens nothing that a consumer may write, whatever consumers do", () => {
    const files = sharedFiles(run.processId);
    assert.deepEqual(
      new Map(Array.from(files, ([path, mode]) => [path.replace(sandbox.prefix, ""), mode])),
      new Map([
        ["/dev/shm/modbus_image", 0o640],
        ["/dev/shm/modbus_journal", 0o640],
      ]),
    );
    const others = sharedFiles(documentsOf(run) ?? 0);
    assert.ok([...others.values()].includes(0o660), "the documents process does: this test would see it");
    const image = /^\S+ (\S+) .*modbus_image$/gm;
    const access = Array.from(
      readFileSync(`/proc/${documentsOf(run)}/maps`, "utf8").matchAll(image),
      ([, flags]) => flags,
    );
    assert.deepEqual(access, ["r--s"], "and it cannot write to the image");
  });

  await t.test(
    "a documents process that is killed is back with its consumers' mappings, and the image does not notice",
    async () => {
      using image = new OpenedImage(`${sandbox.prefix}modbus_image`);
      const before = image.current();
      const inode = sandbox.inode(segment);
      for (const deaths of [1, 2]) {
        process.kill(documentsOf(run) ?? 0, "SIGKILL");
        const killedMs = performance.now();
        await run.until(
          "it is started again",
          () => run.logged(/documents process ended \(SIGKILL\)/).length === deaths,
        );
        await untilMoving(run, sandbox, segment);
        t.diagnostic(`documents after ${Math.round(performance.now() - killedMs)} ms`);
      }
      assert.equal(image.current(), before);
      assert.equal(before?.serverCount(0, "connects"), 1n);
      assert.equal(sandbox.inode(segment), inode);
      const { services } = JSON.parse((await sandbox.command("status", "--json")).stdout) as { services: { documentsDeaths: number }[] }; // prettier-ignore
      assert.equal(services[0]?.documentsDeaths, 2);
    },
  );

  await t.test("while the partition hangs they say that nothing is connected, until it goes on", async () => {
    run.signal("SIGSTOP");
    t.after(() => run.isRunning && run.signal("SIGCONT"));
    await run.until("the connection is closed", () => sandbox.value(connection, segment) === false);
    assert.deepEqual(Object.keys(sandbox.document(segment) ?? {}), [connection]);
    run.signal("SIGCONT");
    await untilMoving(run, sandbox, segment);
    assert.equal(sandbox.value(connection, segment), true);
  });

  await t.test("when the partition was killed they say that nothing is connected, and their process ends", async () => {
    const documents = documentsOf(run) ?? 0;
    await run.end("SIGKILL");
    await until("the connection is closed", () => sandbox.value(connection, segment) === false);
    assert.deepEqual(Object.keys(sandbox.document(segment) ?? {}), [connection]);
    await until("the process has ended", () => !isRunning(documents));
  });
});

test("a consumer that spoils its semaphore stops neither polls nor the documents of others", watchdog, async (t) => {
  const { sandbox, run } = await running(t, "--consumers", "bad,good");
  await untilMoving(run, sandbox, "modbus_shm_good");
  using image = new OpenedImage(`${sandbox.prefix}modbus_image`);
  const before = image.current();
  const script = fileURLToPath(new URL("../../documents/semaphore-spoiler.ts", import.meta.url));
  // A process that several files of tests share has `--test` there.
  const spoiler = fork(script, [sandbox.semaphorePath("modbus_semaphore_bad")], { execArgv: [] });
  t.after(() => spoiler.kill("SIGKILL"));
  const deaths = (): number => run.logged(/documents process ended/).length;
  const isGivenUp = (): boolean => run.logged(/is written without its guard/).length > 0;
  while (!isGivenUp()) {
    const died = deaths();
    dieWithSemaphore(run, sandbox, 1);
    await run.until("it is started again", () => deaths() > died && documentsOf(run) !== undefined);
    await untilMoving(run, sandbox, "modbus_shm_good");
  }
  assert.ok(deaths() >= 3);
  const suspects = run.logged(/died while it used the semaphore/).map(({ semaphore }) => semaphore);
  assert.deepEqual(new Set(suspects), new Set([`${sandbox.prefix}modbus_semaphore_bad`]));
  await untilMoving(run, sandbox, "modbus_shm_bad");
  spoiler.disconnect();
  await once(spoiler, "exit");
  assert.equal(image.current(), before, "the image is the same");
  assert.equal(before?.serverCount(0, "connects"), 1n);
  const { stdout } = await sandbox.command("status");
  assert.match(stdout, /modbus_semaphore_bad IS NOT USED/);
  assert.equal((await run.end()).code, 0);
  assert.equal(sandbox.value(connection, "modbus_shm_good"), false);
});

/**
 * Ends the documents process as a semaphore's file does that is cut while it is used. Whether the spoiler hits that moment is a matter of
 * luck (tests/faults waits for it), so the moment is made: the process is stopped, and its record says what it would say.
 */
function dieWithSemaphore(run: Child, sandbox: Sandbox, used: number): void {
  const processId = documentsOf(run);
  if (processId === undefined) return;
  process.kill(processId, "SIGSTOP");
  using object = SharedMemoryObject.openExisting(`${sandbox.prefix}modbus_documents`, "read-write");
  object?.writeAt(Uint8Array.of(used, 0, 0, 0), header.usedSemaphore);
  process.kill(processId, "SIGKILL");
}

test("cpc documents alone makes the documents of a partition that runs without, once", watchdog, async (t) => {
  const { sandbox, run } = await running(t, "--no-documents");
  await run.until("there are image and journal", () => sandbox.ownObjects().length === 2);
  assert.equal(documentsOf(run), undefined);
  assert.deepEqual(sandbox.ownObjects(), ["modbus_image", "modbus_journal"]);
  const documents = sandbox.cpc(["documents", "--prefix", sandbox.prefix, "--log-format", "json", "--remove-on-exit"]);
  await untilMoving(documents, sandbox);
  const second = await sandbox.cpc(["documents", "--prefix", sandbox.prefix]).ended;
  assert.equal(second.code, 3);
  await run.end("SIGKILL");
  await documents.until("the connection is closed", () => sandbox.value(connection) === false);
  assert.equal((await documents.end()).code, 0);
  assert.deepEqual(sandbox.ownObjects(), ["modbus_image", "modbus_journal"]);
});

test(
  "cpc run beside cpc documents says once what that means, and makes the documents when the other has ended",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const documents = sandbox.cpc(["documents", "--prefix", sandbox.prefix, "--log-format", "json"]);
    await documents.until("it has started", () => documents.logged(/^started$/).length > 0);
    const { port } = await device(t);
    const run = sandbox.run("--modbus", sandbox.write("modbus.xml", modbusXml({ alias: "A", port })));
    await untilMoving(run, sandbox);
    const waiting = () => run.logged(/makes the documents of this prefix.*--no-documents, or stop the other process/);
    await run.until("it says so", () => waiting().length > 0);
    assert.deepEqual(run.logged(/documents process ended/), []);
    assert.equal((await documents.end()).code, 0);
    await run.until("it has taken over", () => run.logged(/documents are made here again/).length > 0);
    await untilMoving(run, sandbox);
    assert.equal(waiting().length, 1);
    assert.equal((await run.end()).code, 0);
  },
);

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}
