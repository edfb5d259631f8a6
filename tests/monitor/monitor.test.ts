import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { CertificateFolder, serverUse } from "../plant/certificate-folder.ts";
import { serverOf } from "../image/sample-image.ts";
import { Sandbox, type Child } from "../partition/commands/cpc.ts";
import { TestWriter } from "../readers/test-writer.ts";

const watchdog = { timeout: 200_000 };

async function addressOf(monitor: Child): Promise<string> {
  await monitor.until("it listens", () => monitor.stdout.endsWith("/\n"));
  return /^monitor: (\S+)\n$/.exec(monitor.stdout)?.[1] ?? assert.fail(monitor.stdout);
}

test(
  "the monitor prints its address, shows a partition that comes later, and ends with SIGTERM",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const monitor = sandbox.cpc(["monitor", "--listen", "127.0.0.1:0", "--prefix", sandbox.prefix]);
    const address = await addressOf(monitor);
    const before = await fetch(`${address}health`);
    assert.equal(before.status, 503);
    assert.equal(
      ((await before.json()) as { summary: string }).summary,
      "There is no process image (with this prefix): no partition has run here, or its log says why it has not made one yet.",
    );
    using writer = new TestWriter([serverOf("Kessel", 0)], `${sandbox.prefix}opcua_image`);
    writer.publish(0);
    await monitor.until("it shows the partition", async () => {
      writer.image.beat();
      return (await fetch(`${address}health`)).status === 200;
    });
    const { code, stderr } = await monitor.end();
    assert.deepEqual([code, stderr], [0, ""]);
  },
);

test(
  "an address that others can reach is refused at the start, with the commands that would be right",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const refused = await sandbox.cpc(["monitor", "--listen", "0.0.0.0:0", "--prefix", sandbox.prefix]).ended;
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^cannot listen on 0\.0\.0\.0:0 because other machines can reach it/);
    assert.match(
      refused.stderr,
      /: npm run -s cpc -- monitor --listen 0\.0\.0\.0:0 --users users\.txt --tls-certificate/,
    );
    assert.doesNotMatch(refused.stderr, /\bat .*\.ts:/, "a sentence, and no stack");
    const wrong = await sandbox.cpc(["monitor", "--listen", "9850"]).ended;
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /It must be an address of this machine and a port, for example 127\.0\.0\.1:9850/);
  },
);

test("a port that is taken is named, with another that is free", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { code, stderr } = await sandbox.cpc(["monitor", "--listen", `127.0.0.1:${port}`]).ended;
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port} because another program listens there`));
});

test("files for HTTPS that cannot be used are named, with the reason and no stack", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const certificates = new CertificateFolder();
  t.after(() => certificates.remove());
  const own = await certificates.make("own", { names: ["localhost"], usage: serverUse });
  const other = await certificates.make("other", { names: ["localhost"], usage: serverUse });
  const missing = join(sandbox.folder, "none.key");
  const says = async (key: string) => {
    const files = ["--tls-certificate", own.certificateFile, "--tls-key", key];
    const { code, stderr } = await sandbox.cpc(["monitor", "--listen", "127.0.0.1:0", ...files]).ended;
    assert.equal(code, 1);
    return stderr;
  };
  assert.equal(await says(missing), `cannot serve HTTPS with ${missing} because it does not exist\n`);
  const mismatch = await says(other.keyFile);
  assert.match(mismatch, /^cannot serve HTTPS with \S+ and \S+ because TLS refuses them \(.*\); name a certificate/);
  assert.equal(mismatch.split("\n").length, 2, mismatch);
});

test("with TLS and users other addresses are served, to those who sign in", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const users = join(sandbox.folder, "users.txt");
  const password = sandbox.write("password.txt", "a long password\n");
  const wrapper = ["sh", "-c", `exec "$@" <${password}`, "sh"];
  const added = await sandbox.cpc(["monitor", "user", "add", "anna", "--users", users], {}, { wrapper }).ended;
  assert.equal(added.code, 0, added.stderr);
  const certificates = new CertificateFolder();
  t.after(() => certificates.remove());
  const { certificateFile, certificatePem, keyFile } = await certificates.make("monitor", {
    names: ["localhost"],
    usage: serverUse,
  });
  const options = ["--users", users, "--tls-certificate", certificateFile, "--tls-key", keyFile];
  const monitor = sandbox.cpc(["monitor", "--listen", "0.0.0.0:0", "--prefix", sandbox.prefix, ...options]);
  const address = await addressOf(monitor);
  assert.match(address, /^https:\/\/0\.0\.0\.0:\d+\/$/);
  const { port } = new URL(address);
  const ask = async (auth: string | undefined) => {
    const sent = request({
      host: "127.0.0.1",
      port,
      path: "/",
      ca: certificatePem,
      servername: "localhost",
      agent: false,
      auth,
    });
    sent.end();
    const [response] = (await once(sent, "response")) as [
      { statusCode: number; headers: Record<string, string>; resume(): void },
    ];
    response.resume();
    return response;
  };
  const stranger = await ask(undefined);
  assert.equal(stranger.statusCode, 401);
  assert.match(stranger.headers["www-authenticate"] ?? "", /^Basic realm="cpc monitor"/);
  assert.equal((await ask("anna:a wrong password")).statusCode, 401);
  const welcome = await ask("anna:a long password");
  assert.equal(welcome.statusCode, 200);
  assert.match(welcome.headers["strict-transport-security"] ?? "", /max-age/);
  const removed = await sandbox.cpc(["monitor", "user", "remove", "anna", "--users", users]).ended;
  assert.equal(removed.code, 0, removed.stderr);
  assert.equal((await ask("anna:a long password")).statusCode, 401, "a user who was removed is out at once");
});

test("metrics in a file need no port; the file goes with the monitor", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const file = join(sandbox.folder, "cpc.prom");
  const monitor = sandbox.cpc(["monitor", "--textfile", file, "--prefix", sandbox.prefix]);
  await monitor.until("the file is there", () => existsSync(file));
  assert.match(readFileSync(file, "utf8"), /^# TYPE cpc_up gauge$/m);
  const { code, stdout } = await monitor.end();
  assert.deepEqual([code, stdout], [0, ""]);
  assert.equal(existsSync(file), false);
});

test("metrics are pushed by OTLP where the environment asks for it", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  let answer = 200;
  const arrived = Promise.withResolvers<readonly [url: string, type: string, body: string]>();
  const collector = createServer((received, response) => {
    const chunks: Buffer[] = [];
    received.on("data", (chunk: Buffer) => chunks.push(chunk));
    received.on("end", () => {
      arrived.resolve([
        received.url ?? "",
        received.headers["content-type"] ?? "",
        Buffer.concat(chunks).toString("latin1"),
      ]);
      response.writeHead(answer).end();
    });
  }).listen(0, "127.0.0.1");
  t.after(() => collector.close());
  await once(collector, "listening");
  const { port } = collector.address() as AddressInfo;
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    OTEL_EXPORTER_OTLP_COMPRESSION: "none",
    OTEL_SERVICE_NAME: "gateway 7",
  };
  const monitor = sandbox.cpc(["monitor", "--listen", "127.0.0.1:0", "--prefix", sandbox.prefix], env);
  const [url, type, body] = await arrived.promise;
  assert.deepEqual([url, type], ["/v1/metrics", "application/x-protobuf"]);
  assert.match(body, /gateway 7/);
  assert.match(body, /cpc_monitor_viewers/);
  answer = 400;
  await monitor.until(
    "a push that is refused is logged",
    () => monitor.logged(/^cannot push metrics by OTLP/).length > 0,
  );
  answer = 200;
  await monitor.until("and that it is over", () => monitor.logged(/^metrics are pushed by OTLP again/).length > 0);
  assert.equal(monitor.logged(/^cannot push metrics by OTLP/).length, 1, "once for each reason");
  await monitor.end();
});

test("users whose file cannot be used stop the monitor at the start", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const users = join(sandbox.folder, "users.txt");
  writeFileSync(users, "anna secret\n", { mode: 0o600 });
  const { code, stderr } = await sandbox.cpc(["monitor", "--listen", "127.0.0.1:0", "--users", users]).ended;
  assert.equal(code, 1);
  assert.match(stderr, /^cannot use .*users\.txt because line 1 is no user/);
});
