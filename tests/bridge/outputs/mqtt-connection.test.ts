import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { OutputError, type OutputErrorCode } from "../../../packages/bridge/src/outputs/output.ts";
import { CertificateFolder, clientUse, serverUse } from "../../plant/certificate-folder.ts";
import { changeOf, openedOutput } from "./opened-output.ts";
import { TestBroker } from "./test-broker.ts";

const batch = { kind: "live", isRepeat: false, changes: [changeOf("Kessel", "Kessel: Leistung", 2)] } as const;

function failsWith(code: OutputErrorCode, message: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof OutputError);
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    return true;
  };
}

/** A time-out that no busy machine exceeds, where the test does not wait for it. */
function output(t: TestContext, port: number, changed: Readonly<Record<string, unknown>> = {}) {
  return openedOutput(t, { type: "mqtt", address: `mqtt://localhost:${port}`, timeout: "60s", ...changed });
}

test("a batch resolves when the broker has it, and rejects when that is not known", async (t) => {
  const broker = await TestBroker.start(t);
  const session = await output(t, broker.port, { timeout: "2s" }).connect();
  await session.publish(batch);
  assert.equal(broker.messages.length, 1);
  broker.freeze();
  await assert.rejects(session.publish(batch), failsWith("Timeout", /did not answer in 2 s/));
  assert.equal((await session.ended).code, "Timeout");
  await assert.rejects(session.publish(batch), failsWith("Timeout", /did not answer/));
});

test("many batches at once each wait for their own answer", async (t) => {
  const broker = await TestBroker.start(t);
  const session = await output(t, broker.port).connect();
  const counts: number[] = [];
  const publish = async (): Promise<void> => {
    await session.publish(batch);
    counts.push(broker.messages.length);
  };
  await Promise.all(Array.from({ length: 20 }, publish));
  assert.ok(counts.every((count, index) => count > index));
});

test("a broker that closes the connection ends the session, with every batch under way", async (t) => {
  const broker = await TestBroker.start(t);
  const session = await output(t, broker.port).connect();
  broker.freeze();
  const publishing = session.publish(batch);
  broker.cut();
  await assert.rejects(publishing, failsWith("Lost", /closed the connection/));
});

test("a port where nobody listens, and one where nobody speaks MQTT, are unreachable", async (t) => {
  const mute = createServer((socket) => socket.resume());
  mute.listen(0, "127.0.0.1");
  await new Promise((resolve) => mute.once("listening", resolve));
  t.after(() => mute.close());
  const { port } = mute.address() as AddressInfo;
  await assert.rejects(
    output(t, port, { timeout: "300ms" }).connect(),
    failsWith("Unreachable", /is it an MQTT broker\?/),
  );
  await new Promise((resolve) => mute.close(resolve));
  await assert.rejects(output(t, port).connect(), failsWith("Unreachable", /nothing listens there \(ECONNREFUSED\)/));
});

test("a refused login is for people to mend, and the password is read again at each connection", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cpc-bridge-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "password");
  writeFileSync(file, "wrong\n");
  const broker = await TestBroker.start(t, {
    authenticate: (_client, user, password, done) => done(null, user === "bridge" && password?.toString() === "right"),
  });
  const opened = output(t, broker.port, { user: "bridge", password: `\${file:${file}}` });
  const before = opened.output.fingerprint();
  await assert.rejects(opened.connect(), failsWith("Refused", /(?:user name or the password|does not permit)/));
  writeFileSync(file, "right\n");
  assert.notEqual(opened.output.fingerprint(), before);
  const session = await opened.connect();
  await session.publish(batch);
  rmSync(file);
  await assert.rejects(opened.connect(), failsWith("Refused", /password refers to the file .* does not exist/));
});

test("with TLS the authority and the name of the broker are verified, and the client shows its certificate", async (t) => {
  using folder = new CertificateFolder();
  const authority = await folder.make("Plant CA", { isAuthority: true });
  const stranger = await folder.make("Other CA", { isAuthority: true });
  const server = await folder.make("broker", { issuer: authority, names: ["localhost"], usage: serverUse });
  const client = await folder.make("bridge", { issuer: authority, usage: clientUse });
  const tls = { ca: authority.certificatePem, cert: server.certificatePem, key: server.keyPem, requestCert: true };
  const broker = await TestBroker.start(t, { tls });
  const ca = authority.certificateFile;
  const own = { certificate: client.certificateFile, key: client.keyFile };
  const connect = async (settings: Readonly<Record<string, string>>, host = "localhost") => {
    const address = `mqtts://${host}:${broker.port}`;
    return await openedOutput(t, { type: "mqtt", address, timeout: "60s", tls: settings }).connect();
  };
  await (await connect({ ca, ...own })).publish(batch);
  await assert.rejects(connect(own), failsWith("Certificate", /TLS failed: .*tls\.ca/));
  await assert.rejects(connect({ ca: stranger.certificateFile, ...own }), failsWith("Certificate", /TLS failed/));
  await assert.rejects(connect({ ca, ...own }, "127.0.0.1"), failsWith("Certificate", /TLS failed: .*altnames/));
  await (await connect({ ca, ...own, serverName: "localhost" }, "127.0.0.1")).publish(batch);
  await assert.rejects(connect({ ca }), OutputError);
  assert.equal(broker.connections, 2);
});
