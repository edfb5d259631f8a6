import assert from "node:assert/strict";
import { test } from "node:test";
import { PosixError } from "../../packages/image/src/posix/errno.ts";
import { sendToServiceManager } from "../../packages/image/src/posix/service-manager-socket.ts";
import { ServiceManager } from "../../packages/process/src/service-manager.ts";
import { datagramSocket } from "../image/posix/datagram-socket.ts";
import { until } from "../until.ts";

const noLog = (): void => {};

test("a datagram gets to a socket with a path and to one with an abstract name", (t) => {
  for (const isAbstract of [false, true]) {
    const socket = datagramSocket(t, isAbstract);
    assert.equal(sendToServiceManager(socket.name, "READY=1\nSTATUS=Öl"), true);
    assert.deepEqual(socket.received(), ["READY=1\nSTATUS=Öl"]);
    // Nobody reads: it never waits.
    const outcomes = Array.from({ length: 2000 }, () => sendToServiceManager(socket.name, "WATCHDOG=1"));
    assert.ok(outcomes.includes(false));
  }
  assert.throws(() => sendToServiceManager("/none/here", "READY=1"), PosixError);
  assert.throws(() => sendToServiceManager("relative", "READY=1"), /EINVAL/);
  assert.throws(() => sendToServiceManager(`/${"x".repeat(200)}`, "READY=1"), /EINVAL/);
});

test("a service says that it is ready, how it is, and that it lives while it is well", async (t) => {
  const socket = datagramSocket(t);
  const environment: NodeJS.ProcessEnv = {
    NOTIFY_SOCKET: socket.name,
    WATCHDOG_USEC: "20000",
    WATCHDOG_PID: String(process.pid),
  };
  const manager = new ServiceManager(noLog, environment);
  assert.deepEqual(environment, {}, "a program that we start must not speak for us");
  let isWell = true;
  const end = manager.watch(
    () => isWell,
    () => "2 of 3 servers\nlost",
  );
  assert.deepEqual(socket.received(), [], "what is not ready has no state yet");
  manager.ready();
  assert.deepEqual(socket.received(), ["READY=1", "STATUS=2 of 3 servers lost\nWATCHDOG=1"]);
  await until("it lives on", () => socket.received().some((text) => text.includes("WATCHDOG=1")));
  isWell = false;
  socket.received();
  const told: string[] = [];
  await until("it has told of itself again", () => told.push(...socket.received()) > 1);
  assert.deepEqual(new Set(told), new Set(["STATUS=2 of 3 servers lost"]), "and gives no sign of life");
  end();
  manager.stopping();
  assert.equal(socket.received().at(-1), "STOPPING=1");
});

test("a manager that is too busy to hear that the service is ready hears it later", async (t) => {
  const socket = datagramSocket(t);
  const manager = new ServiceManager(noLog, { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "20000" });
  const end = manager.watch(
    () => true,
    () => "fine",
  );
  while (sendToServiceManager(socket.name, "of another service"));
  manager.ready();
  const told: string[] = [];
  await until(
    "it is told again",
    () => told.push(...socket.received()) > 0 && told.some((text) => text.startsWith("READY=1\n")),
  );
  await until("all else goes on", () => socket.received().includes("STATUS=fine\nWATCHDOG=1"));
  end();
});

test("a service that gets ready while it stops says no more that it is", (t) => {
  const socket = datagramSocket(t);
  const manager = new ServiceManager(noLog, { NOTIFY_SOCKET: socket.name });
  manager.stopping();
  manager.ready();
  assert.deepEqual(socket.received(), ["STOPPING=1"]);
});

test("without a manager, or with another's watchdog, nothing of it is told", (t) => {
  const silent = new ServiceManager(noLog, {});
  silent.ready();
  silent.watch(
    () => assert.fail("nobody asks"),
    () => assert.fail("nobody asks"),
  )();
  const socket = datagramSocket(t);
  const other = new ServiceManager(noLog, { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "20000", WATCHDOG_PID: "1" });
  const end = other.watch(
    () => true,
    () => "fine",
  );
  other.ready();
  end();
  other.ready();
  assert.deepEqual(socket.received(), ["READY=1", "STATUS=fine", "READY=1"]);
});

test("a manager that is gone is told once", () => {
  const told: string[] = [];
  const manager = new ServiceManager((_level, message) => told.push(message), { NOTIFY_SOCKET: "/none/here" });
  manager.ready();
  manager.stopping();
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /cannot notify the service manager \/none\/here because .*ENOENT/);
});
