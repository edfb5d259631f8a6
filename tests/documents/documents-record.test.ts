import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { AnotherWriterError } from "../../packages/image/src/posix/single-writer.ts";
import { documentsHealth } from "../../packages/documents/src/documents-health.ts";
import { DocumentsRecord } from "../../packages/documents/src/documents-record.ts";
import { filesOf, ownPrefix } from "../image/posix/own-objects.ts";

const semaphores = ["sem_a", "sem_b"];

function setUp(t: TestContext) {
  const prefix = ownPrefix(t);
  const name = `${prefix}modbus_documents`;
  const open = (list = semaphores): DocumentsRecord => new DocumentsRecord(name, list);
  /** A writer that dies while it uses a semaphore, or at another moment. */
  const die = (semaphore?: string): void => {
    const module = new URL("../../packages/documents/src/documents-record.ts", import.meta.url).href;
    const end = `process.kill(process.pid, "SIGKILL")`;
    const text = `import { DocumentsRecord } from ${JSON.stringify(module)};
      const record = new DocumentsRecord(${JSON.stringify(name)}, ${JSON.stringify(semaphores)});
      ${semaphore === undefined ? end : `record.use(${JSON.stringify(semaphore)}, () => ${end})`};`;
    const { signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", text]);
    assert.equal(signal, "SIGKILL");
  };
  return { name, prefix, open, die, health: () => documentsHealth(name, Date.now()) };
}

test("figures are kept for whoever looks, who sees whether a writer is there", (t) => {
  const { open, health, name } = setUp(t);
  assert.equal(health(), undefined);
  const record = open();
  record.count("documents");
  record.count("documents", 2n);
  record.set("documentBytes", 99n);
  assert.deepEqual([health()?.figures.documents, health()?.figures.documentBytes], [3, 99]);
  assert.equal(statSync(`/dev/shm/${name}`).mode & 0o777, 0o640);
  assert.deepEqual([health()?.isAlive, health()?.isEnded], [true, false]);
  record.end();
  record.close();
  assert.deepEqual([health()?.isAlive, health()?.isEnded], [false, true]);
});

test("there is one writer", (t) => {
  const { open } = setUp(t);
  using first = open();
  assert.throws(() => open(), AnotherWriterError);
  first.count("documents");
  first.end();
});

test("after a death figures go on and the death is counted; after an orderly end they begin anew", (t) => {
  const { open, die, health } = setUp(t);
  const record = open();
  record.count("documents", 5n);
  record.close();
  die();
  const last = open();
  assert.deepEqual([health()?.figures.documents, health()?.figures.deaths], [5, 2]);
  last.end();
  last.close();
  const next = open();
  assert.deepEqual([health()?.figures.documents, health()?.figures.deaths], [0, 0]);
  next.close();
});

test("whose semaphore ended the writer is known to the next one, and the third time it is not used any more", (t) => {
  const { open, die, health } = setUp(t);
  die();
  for (const deaths of [1, 2, 3]) {
    die("sem_b");
    const record = open();
    assert.equal(record.suspect, "sem_b");
    assert.deepEqual([...record.unguarded], deaths < 3 ? [] : ["sem_b"]);
    record.close();
  }
  assert.deepEqual(health()?.unguarded, ["sem_b"]);
  const other = open(["sem_b", "sem_c"]);
  assert.deepEqual([...other.unguarded], ["sem_b"], "by its name, wherever it stands in the list");
  other.end();
  other.close();
  const next = open();
  assert.deepEqual([[...next.unguarded], next.suspect], [[], undefined], "an orderly end forgets");
  next.close();
});

test("a removed record leaves no name", (t) => {
  const { open, prefix } = setUp(t);
  const record = open();
  record.remove();
  record.close();
  assert.deepEqual(filesOf(prefix), []);
});
