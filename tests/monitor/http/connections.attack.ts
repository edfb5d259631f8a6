import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { serverOf } from "../../image/sample-image.ts";
import { Sandbox } from "../../partition/commands/cpc.ts";
import { TestWriter } from "../../readers/test-writer.ts";
import { Events } from "./events.ts";

const watchdog = { timeout: 170_000 };
const batchSize = 500;

/** Connections that each send the text and then nothing; all that the monitor leaves open stay open. */
async function attack(t: TestContext, port: number, count: number, text: (index: number) => string): Promise<number> {
  const open = new Set<Socket>();
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  for (let first = 0; first < count; first += batchSize) {
    await Promise.all(
      Array.from({ length: Math.min(batchSize, count - first) }, async (_, index) => {
        const socket = connect(port, "127.0.0.1");
        open.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => open.delete(socket));
        socket.resume();
        socket.on("connect", () => socket.write(text(first + index)));
        await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => {});
      }),
    );
  }
  return open.size;
}

test(
  "ten thousand connections, half requests and nonsense cost no viewer a value, and the monitor lives on",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    using writer = new TestWriter(
      [serverOf("Kessel", ...Array.from({ length: 100 }, () => 0))],
      `${sandbox.prefix}opcua_image`,
    );
    let value = 0;
    const publish = setInterval(() => {
      writer.image.beat();
      value = (value + 1) % 60_000;
      writer.publish(0, (block) => block.setNumber(0, BuiltInType.UInt16, value));
    }, 100);
    t.after(() => clearInterval(publish));
    const monitor = sandbox.cpc(["monitor", "--listen", "127.0.0.1:0", "--prefix", sandbox.prefix]);
    await monitor.until("it listens", () => monitor.stdout.endsWith("/\n"));
    const port = Number(/:(\d+)\//.exec(monitor.stdout)?.[1]);
    const viewer = await Events.open(t, port, { list: "points", count: "1" });

    const attacks: Readonly<Record<string, readonly [count: number, text: (index: number) => string]>> = {
      silent: [10_000, () => ""],
      "half a request": [2000, () => "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
      nonsense: [2000, (index) => `${String.fromCharCode(index % 256)}\u0000\r\n\r\n`],
      "streams that nobody reads": [1000, () => "GET /live?list=points&count=200 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
      "endless head": [500, () => `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(5000)}`],
      "wrong host": [2000, () => "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"],
    };
    for (const [name, [count, text]] of Object.entries(attacks)) {
      const left = await attack(t, port, count, text);
      const expected = value;
      await viewer.find(({ points }) => (Number(points?.rows[0]?.value ?? 0) >= expected ? true : undefined));
      t.diagnostic(`${name}: ${left} of ${count} connections were left open, and the viewer has seen ${expected}`);
    }
    // Connections that say nothing are closed; then there is room for others again.
    while (!(await isAnswered(port)));
    const megabytes =
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${monitor.processId}/status`, "utf8"))?.[1]) / 1024;
    t.diagnostic(`${Math.round(megabytes)} MB`);
    assert.ok(megabytes < 400, `${megabytes} MB`);
    const { code, stderr } = await monitor.end();
    assert.deepEqual([code, stderr], [0, ""]);
  },
);

async function isAnswered(port: number): Promise<boolean> {
  try {
    const { status } = await fetch(`http://127.0.0.1:${port}/health`);
    return status === 200;
  } catch {
    return false;
  }
}
