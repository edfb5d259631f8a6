import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ConnectionState, header } from "../../../packages/image/src/layout.ts";
import { bitsOfServices } from "../../../packages/image/src/service-name.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { serverOf } from "../../image/sample-image.ts";
import { until } from "../../until.ts";
import { served } from "./served.ts";

const watchdog = { timeout: 200_000 };
const lookAgainMs = 50;

test("health and readiness say what status says, with its exit code", watchdog, async (t) => {
  const { ask, writer, die } = await served(t, [serverOf("Kessel", 0)]);
  writer.publish(0, (block) => block.setStatus(0, StatusCode.Good));
  const health = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await ask("/health")).text) as Record<string, unknown>;
  while ((await health())["summary"] !== "All servers connected (1), all points good (1).") await pause(lookAgainMs);
  assert.equal((await ask("/health")).status, 200);
  const { exitCode, isAlive } = await health();
  assert.deepEqual([exitCode, isAlive], [0, true]);
  assert.equal((await ask("/ready")).status, 200);

  writer.image.blocks[0]?.show({ connection: ConnectionState.lost, error: "switched off" });
  await untilStatus(async () => (await ask("/ready")).status, 503);
  assert.equal((await ask("/health")).status, 200, "a lost server is no reason to restart the partition");

  die();
  await untilStatus(async () => (await ask("/health")).status, 503);
  const { exitCode: failed } = JSON.parse((await ask("/health")).text) as Record<string, unknown>;
  assert.equal(failed, 1);
});

test("a service whose partition has no image for it is neither healthy nor up", watchdog, async (t) => {
  const { ask, writer } = await served(t, [serverOf("Kessel", 0)]);
  const { text: before } = await ask("/metrics");
  assert.match(before, /^cpc_image_missing\{service="opcua"\} 0$/m);
  assert.doesNotMatch(before, /service="modbus"/);
  writer.words[header.services / 4] = bitsOfServices(["opcua", "modbus"]);
  await untilStatus(async () => (await ask("/health")).status, 503);
  const { summary, isAlive } = JSON.parse((await ask("/health")).text) as Record<string, unknown>;
  assert.match(String(summary), /^modbus is STARTING/);
  assert.equal(isAlive, false);
  const { text } = await ask("/metrics");
  assert.match(text, /^cpc_up\{service="modbus"\} 0$/m);
  assert.match(text, /^cpc_image_missing\{service="modbus"\} 1$/m);
  assert.doesNotMatch(text, /^cpc_(?:heartbeat|ticks|start)\w+\{service="modbus"/m, "nothing is known of it");
});

/** Health is remembered for a fifth of a second, and who asks too often is refused. */
async function untilStatus(status: () => Promise<number>, wanted: number): Promise<void> {
  while ((await status()) !== wanted) await pause(lookAgainMs);
}

test(
  "metrics are text that Prometheus reads, with server and service as labels and never a point",
  watchdog,
  async (t) => {
    const { ask, writer } = await served(t, [serverOf('Kessel "1"\n', 0, 0, 0), serverOf("Turbine", 0)]);
    writer.publish(0, (block) => block.setStatus(1, StatusCode.BadTimeout));
    const { status, text, headers } = await ask("/metrics");
    assert.equal(status, 200);
    assert.match(headers["content-type"] ?? "", /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^cpc_up\{service="opcua"\} 1$/m);
    assert.match(text, /^cpc_server_connected\{service="opcua",server="Turbine"\} 1$/m);
    assert.match(text, /^cpc_server_points\{service="opcua",server="Kessel \\"1\\"\\n",quality="bad"\} \d$/m);
    assert.match(text, /^cpc_poll_duration_seconds_count\{service="opcua",server="Turbine"\} 1$/m);
    assert.match(text, /^cpc_poll_duration_seconds_bucket\{service="opcua",server="Turbine",le="\+Inf"\} 1$/m);
    assert.match(text, /^cpc_server_certificate_expiry_seconds|^# TYPE cpc_server_certificate_expiry_seconds gauge$/m);
    assert.doesNotMatch(text, /Kessel: 0|about /, "no point");
    const open = await ask("/metrics", { headers: { accept: "application/openmetrics-text;version=1.0.0" } });
    assert.equal(open.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert.equal(open.headers["vary"], "accept");
    assert.match(
      open.text,
      /^cpc_poll_duration_seconds_bucket\{service="opcua",server="Turbine",le="\+Inf"\} 1$[^]*\n# EOF\n$/m,
    );
  },
);

test("the page and its parts are served as they stand, with a policy that allows nothing else", watchdog, async (t) => {
  const { ask } = await served(t, [serverOf("Kessel", 0)]);
  const page = await ask("/");
  assert.equal(page.status, 200);
  assert.match(page.headers["content-type"] ?? "", /^text\/html/);
  assert.equal(
    page.headers["content-security-policy"],
    "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none';require-trusted-types-for 'script'",
  );
  assert.equal(page.headers["x-content-type-options"], "nosniff");
  assert.equal(page.headers["strict-transport-security"], undefined, "not without TLS");
  assert.doesNotMatch(page.text, /https?:\/\/(?!www\.w3\.org)/, "nothing from other hosts");
  const parts = Array.from(page.text.matchAll(/(?:href|src)="([^"]+)"/g), ([, path = ""]) => path);
  assert.ok(parts.length > 10);
  for (const path of [...parts, "/uplot/uPlot.esm.js"]) assert.equal((await ask(path)).status, 200, path);
});

test("paths that lead out of the page's folder lead nowhere", watchdog, async (t) => {
  const { ask } = await served(t, [serverOf("Kessel", 0)]);
  for (const path of [
    "/../package.json",
    "/..%2fpackage.json",
    "/%2e%2e/package.json",
    "//etc/passwd",
    "/uplot/../../package.json",
    "/uplot/uPlot.cjs.js",
    "/page.js%00.html",
    "/.hidden",
    "/../src/monitor.ts",
  ]) {
    const { status, text } = await ask(path);
    assert.ok([400, 403, 404].includes(status), `${path}: ${status}`);
    assert.doesNotMatch(text, /"dependencies"|root:/, path);
  }
});

test("no request changes anything: what is not GET or HEAD is refused, a body is not read", watchdog, async (t) => {
  const { ask, port, live } = await served(t, [serverOf("Kessel", 0)]);
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
    for (const path of ["/", "/health", "/live", "/nowhere"]) {
      const { status, headers } = await ask(path, { method });
      assert.deepEqual([status, headers["allow"]], [405, "GET, HEAD"], `${method} ${path}`);
    }
  }
  assert.equal((await ask("/health", { method: "HEAD" })).status, 200);
  assert.equal((await ask("/live", { method: "HEAD" })).status, 404, "who is sent nothing takes no place");
  assert.equal(live.viewers, 0);
  const socket = connect(port, "127.0.0.1");
  socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 (?:405|413)/);
  socket.destroy();
});

test(
  "without users only names of this machine are answered: a page of the web cannot lead its name here",
  watchdog,
  async (t) => {
    const { ask, port } = await served(t, [serverOf("Kessel", 0)]);
    for (const host of [
      "evil.example",
      "evil.example:9850",
      "10.0.0.1",
      "127.evil.example",
      "127.0.0.1.evil.example:9850",
    ])
      assert.equal((await ask("/health", { headers: { host } })).status, 421, host);
    for (const host of [`localhost:${port}`, "127.0.0.1", `[::1]:${port}`])
      assert.equal((await ask("/health", { headers: { host } })).status, 200, host);
  },
);

test("behind a proxy only the proxy is answered", watchdog, async (t) => {
  const { ask } = await served(t, [serverOf("Kessel", 0)], { trustProxy: ["10.9.8.7"] });
  const { status, text } = await ask("/health", { headers: { "x-forwarded-for": "10.9.8.7" } });
  assert.equal(status, 403);
  assert.match(text, /only the reverse proxy is answered here, and 127\.0\.0\.1 is not it/);
  const through = await served(t, [serverOf("Kessel", 0)], { trustProxy: ["127.0.0.1"] });
  assert.equal((await through.ask("/health", { headers: { host: "plant.example" } })).status, 200);
});

/** Connections that ask for nothing; resolves when each of them is open at the monitor or was closed by it. */
async function occupy(t: TestContext, port: number, localAddress: string, count: number): Promise<() => number> {
  const open = new Set<Socket>();
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  const openings = Array.from({ length: count }, async () => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.resume();
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
  });
  await Promise.all(openings);
  return () => open.size;
}

test("one client cannot take the connections of all others, behind a proxy or not", watchdog, async (t) => {
  // The proxy is 127.0.0.2, so 127.0.0.1 is a client like any other.
  const { ask, port } = await served(t, [serverOf("Kessel", 0)], { trustProxy: ["127.0.0.2"] });
  const left = await occupy(t, port, "127.0.0.1", 500);
  await until("what is too much is closed", () => left() === 64);
  assert.equal((await ask("/health", { localAddress: "127.0.0.2" })).status, 200);
});

test("a reverse proxy, or a tunnel to loopback, has all connections that there are", watchdog, async (t) => {
  for (const trustProxy of [[], ["127.0.0.1"]]) {
    const { ask, port } = await served(t, [serverOf("Kessel", 0)], { trustProxy });
    const left = await occupy(t, port, "127.0.0.1", 300);
    assert.equal((await ask("/health")).status, 200);
    assert.equal(left(), 300);
  }
});

test("one client behind a proxy cannot take the streams of all others", watchdog, async (t) => {
  const { port, live } = await served(t, [serverOf("Kessel", 0)], { trustProxy: ["127.0.0.1"] });
  const open = async (client: string): Promise<number> => {
    const sent = request({
      port,
      host: "127.0.0.1",
      path: "/live",
      agent: false,
      headers: { "x-forwarded-for": client },
    });
    sent.on("error", () => {});
    sent.end();
    t.after(() => sent.destroy());
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    if (client === "10.0.0.9") sent.destroy();
    return response.statusCode ?? 0;
  };
  const statuses = await Promise.all(Array.from({ length: 40 }, async () => await open("10.0.0.1")));
  assert.deepEqual([statuses.filter((status) => status === 200).length, live.viewers], [32, 32]);
  assert.deepEqual([await open("10.0.0.1"), await open("10.0.0.2")], [503, 200]);
  // Places of streams that have ended are free again.
  for (let turn = 0; turn < 40; turn++) {
    assert.equal(await open("10.0.0.9"), 200);
    await until("the stream has ended", () => live.viewers === 33);
  }
});

test("requests that are too many, too long or no HTTP get an answer and end there", watchdog, async (t) => {
  const { ask, port } = await served(t, [serverOf("Kessel", 0)]);
  assert.equal((await ask("/nowhere")).status, 404);
  // On one connection: the limit is for ten seconds, in which a busy machine makes few.
  const many = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(410);
  const answers = await raw(port, `${many}GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  assert.ok(answers.includes("HTTP/1.1 429 "), "the limit of one address");
  assert.equal(
    (await raw(port, `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).slice(0, 12),
    "HTTP/1.1 431",
  );
  assert.equal((await raw(port, "\u0016\u0003\u0001 hello\r\n\r\n")).slice(0, 12), "HTTP/1.1 400");
});

async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  await once(socket, "close");
  return answer;
}
