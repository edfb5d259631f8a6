// Modbus/TCP Security against real TLS servers before a simulated device, good ones and every kind of bad one.

import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect as connectPlain, createServer, type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { connect, createServer as createTlsServer, type TlsOptions } from "node:tls";

import type { ModbusTls } from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { ModbusConnections } from "../../../../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ModbusTcpClient } from "../../../../../packages/partition/src/library/modbus-tcp-client.ts";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import { ModbusDevice } from "../../../../../packages/simulator/src/modbus-device.ts";
import { point, RecordingSink, server } from "../../../../plant/modbus-points.ts";
import {
  CertificateFolder,
  clientUse,
  serverUse,
  type Holder,
  type Wishes,
} from "../../../../plant/certificate-folder.ts";
import { dayMs } from "../../../../plant/certificates.ts";
import { TcpProxy } from "../../../../plant/tcp-proxy.ts";
import { cleanUps } from "../../../../plant/modbus-rig.ts";

const folder = new CertificateFolder();
const register = 4711;
let device: ModbusDevice;
let authority: Holder;
let stranger: Holder;
let good: Holder;
let client: Holder;

before(async () => {
  device = await ModbusDevice.listen({ table: () => register });
  authority = await folder.make("Plant CA", { isAuthority: true });
  stranger = await folder.make("Other CA", { isAuthority: true });
  good = await deviceCertificate("device");
  client = await folder.make("partition", { issuer: authority, usage: clientUse, validToDays: 5 });
});

after(async () => {
  await device.stop();
  folder.remove();
});

function deviceCertificate(name: string, wishes: Wishes = {}): Promise<Holder> {
  return folder.make(name, { issuer: authority, names: ["127.0.0.1", "localhost"], usage: serverUse, ...wishes });
}

async function front(holder: Holder, options: TlsOptions = {}): Promise<TcpProxy> {
  const { certificatePem: cert, keyPem: key } = holder;
  const started = await TcpProxy.start(device.port, { tls: { cert, key, ca: authority.certificatePem, ...options } });
  cleanUps.push(() => started.close());
  return started;
}

function settings(changes: Partial<ModbusTls> = {}): ModbusTls {
  return {
    caFile: authority.certificateFile,
    clientCertificateFile: client.certificateFile,
    clientPrivateKeyFile: client.keyFile,
    serverName: "127.0.0.1",
    minimumVersion: "1.2",
    ...changes,
  };
}

function clientOf(port: number, tls: ModbusTls | undefined, timeoutMs = 10_000): ModbusTcpClient {
  const made = new ModbusTcpClient(server(port, [point(7)], { tls, timeoutMs }), new ModbusConnections());
  cleanUps.push(() => made.disconnect());
  return made;
}

const never = new AbortController().signal;

async function pollOnce(made: ModbusTcpClient): Promise<void> {
  await made.connect(never);
  const sink = new RecordingSink();
  await made.poll(sink, never);
  assert.equal(sink.value(0), register);
}

/** The refusal may come with the first poll: a TLS 1.3 server looks at our certificate when we think all is done. */
async function refused(made: ModbusTcpClient, because: RegExp, code: FailureKind = "SecurityRefused"): Promise<void> {
  await assert.rejects(pollOnce(made), (error) => {
    assert.ok(error instanceof ServerError, String(error));
    assert.match(error.message, because);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

test("a device with a good certificate is read over TLS, and shows how long its certificate is valid", async () => {
  const { port, handshakes } = await front(good);
  const made = clientOf(port, settings());
  assert.equal(made.certificateEndsMs, undefined);
  await pollOnce(made);
  assert.deepEqual(handshakes, [{ version: "TLSv1.3", resumed: false, client: "CN=partition" }]);
  const leftDays = [made.certificateEndsMs, made.ownCertificateEndsMs].map((ms = 0) => (ms - Date.now()) / dayMs);
  assert.deepEqual(leftDays.map(Math.ceil), [10, 5], leftDays.join());
});

test("TLS 1.2 is spoken where the device knows nothing newer, unless 1.3 is the minimum", async () => {
  const { port, handshakes, failures } = await front(good, { maxVersion: "TLSv1.2" });
  await pollOnce(clientOf(port, settings()));
  assert.equal(handshakes[0]?.version, "TLSv1.2");
  await refused(clientOf(port, settings({ minimumVersion: "1.3" })), /no TLS version that is new enough/);
  assert.equal(failures.length, 1);
});

test("TLS 1.1 is refused, though the device would speak it", async () => {
  const options = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
  const { port, handshakes } = await front(good, options);
  await refused(clientOf(port, settings()), /no TLS version that is new enough/);
  assert.deepEqual(handshakes, []);
  // It would, with a client that does.
  const { certificatePem: cert, keyPem: key } = client;
  const lax = connect({ host: "127.0.0.1", port, cert, key, ca: authority.certificatePem, ...options });
  await once(lax, "secureConnect");
  assert.equal(lax.getProtocol(), "TLSv1.1");
  lax.destroy();
});

test("a device that wants another handshake is read on after it", async () => {
  const { certificatePem: cert, keyPem: key } = good;
  let again: Promise<unknown> | undefined;
  const wanting = createTlsServer({ cert, key, maxVersion: "TLSv1.2" }, (socket) => {
    socket.once("data", () => {
      again = new Promise((resolve) => socket.renegotiate({}, resolve));
    });
    const inner = connectPlain(device.port, "127.0.0.1");
    socket.pipe(inner).pipe(socket);
    socket.once("close", () => inner.destroy());
  });
  wanting.listen(0, "127.0.0.1");
  await once(wanting, "listening");
  const made = clientOf((wanting.address() as AddressInfo).port, settings());
  cleanUps.push(() => wanting.close());
  await pollOnce(made);
  assert.equal(await again, null);
  await made.poll(new RecordingSink(), never);
});

test("a device that only knows finite-field Diffie-Hellman is refused before it can choose the numbers", async () => {
  const own = await deviceCertificate("old", { hasRsaKeys: true });
  const options = { maxVersion: "TLSv1.2", ciphers: "DHE-RSA-AES128-GCM-SHA256", dhparam: "auto" } as const;
  const { port, failures } = await front(own, options);
  await refused(clientOf(port, settings()), /no cipher suite in common/);
  assert.deepEqual(failures, ["ERR_SSL_NO_SHARED_CIPHER"]);
  // Others would take it.
  const { certificatePem: cert, keyPem: key } = client;
  const lax = connect({ host: "127.0.0.1", port, cert, key, rejectUnauthorized: false });
  await once(lax, "secureConnect");
  assert.match(lax.getCipher().name, /^DHE-/);
  lax.destroy();
});

test("an expired certificate is refused", async () => {
  const { port } = await front(await deviceCertificate("expired", { validFromDays: -10, validToDays: -1 }));
  await refused(clientOf(port, settings()), /has expired/);
});

test("a certificate of the future is refused", async () => {
  const { port } = await front(await deviceCertificate("future", { validFromDays: 1 }));
  await refused(clientOf(port, settings()), /is not valid yet/);
});

test("a certificate for another name is refused, and the message says for which it is", async () => {
  const { port } = await front(await deviceCertificate("elsewhere", { names: ["pump-7.example"] }));
  await refused(clientOf(port, settings()), /is not for 127\.0\.0\.1 but for DNS:pump-7\.example/);
  await pollOnce(clientOf(port, settings({ serverName: "pump-7.example" })));
});

test("a certificate of an unknown authority is refused", async () => {
  const { port } = await front(await deviceCertificate("strange", { issuer: stranger }));
  await refused(clientOf(port, settings()), /issued by an authority that <ca> does not name/);
});

test("a self-signed certificate is refused, unless it is the very one that the configuration names", async () => {
  const own = await deviceCertificate("self-signed", { issuer: undefined });
  const { port } = await front(own);
  await refused(clientOf(port, settings()), /self-signed/);
  await pollOnce(clientOf(port, settings({ caFile: own.certificateFile })));
});

test("a certificate that an ordinary certificate issued is refused", async () => {
  const { port } = await front(await deviceCertificate("grandchild", { issuer: good }), {});
  await refused(clientOf(port, settings()), /authority/);
});

test("a certificate that is for clients only is refused", async () => {
  const { port } = await front(await deviceCertificate("a client", { usage: clientUse }));
  await refused(clientOf(port, settings()), /not meant for a server/);
});

test("a chain with an intermediate authority is followed to the configured one", async () => {
  const middle = await folder.make("Middle CA", { isAuthority: true, issuer: authority });
  const leaf = await deviceCertificate("below", { issuer: middle });
  const { port } = await front(leaf, { cert: leaf.certificatePem + middle.certificatePem });
  await pollOnce(clientOf(port, settings()));
});

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a device that does not believe our certificate says so in ${maxVersion}`, async () => {
    const { port, handshakes, failures } = await front(good, { maxVersion });
    const other = await folder.make("unknown", { issuer: stranger, usage: clientUse });
    const files = { clientCertificateFile: other.certificateFile, clientPrivateKeyFile: other.keyFile };
    await refused(clientOf(port, settings(files)), /refuses? our certificate/);
    assert.deepEqual(handshakes, []);
    assert.equal(failures.length, 1);
  });
}

test("a device that speaks plain Modbus is refused and gets no request", async () => {
  const answered = device.answered;
  await refused(clientOf(device.port, settings()), /no fallback to plain Modbus TCP/);
  assert.equal(device.answered, answered);
});

test("a server that answers with something else than TLS is refused", async () => {
  const banner = createServer((socket) => socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => {
    banner.listen(0, "127.0.0.1", resolve);
  });
  cleanUps.push(() => banner.close());
  await refused(clientOf((banner.address() as AddressInfo).port, settings()), /no fallback to plain Modbus TCP/);
});

test("a server that says nothing ends the attempt after the time-out, in the handshake", async () => {
  const silent = createServer((socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => {
    silent.listen(0, "127.0.0.1", resolve);
  });
  cleanUps.push(() => silent.close());
  await refused(
    clientOf((silent.address() as AddressInfo).port, settings(), 60),
    /TLS handshake had no end within 60 ms/,
  );
});

test("a missing device is a failed connection, not a question of security", async () => {
  const gone = await TcpProxy.start(device.port, { tls: {} });
  await gone.close();
  await refused(clientOf(gone.port, settings()), /nothing listens there/, "ConnectionFailed");
});

test("a device that was refused is tried again slowly, one that was not there as configured", async () => {
  const { port } = await front(await deviceCertificate("of the past", { validFromDays: -10, validToDays: -1 }));
  const made = clientOf(port, settings());
  assert.equal(made.retryIntervalMs, 30_000);
  await refused(made, /has expired/);
  assert.equal(made.retryIntervalMs, 60_000);
  const absent = clientOf(1, settings());
  await refused(absent, /nothing listens there/, "ConnectionFailed");
  assert.equal(absent.retryIntervalMs, 30_000);
});

test("a plain client reads nothing from a secured device", async () => {
  const { port } = await front(good);
  await assert.rejects(pollOnce(clientOf(port, undefined)));
});

test("trust that is withdrawn counts at the next connect, and no session is resumed", async () => {
  const { port, handshakes } = await front(good);
  const caFile = folder.write("changing-ca.pem", authority.certificatePem);
  const made = clientOf(port, settings({ caFile }));
  await pollOnce(made);
  await pollOnce(made);
  assert.deepEqual(
    handshakes.map(({ resumed }) => resumed),
    [false, false],
  );
  writeFileSync(caFile, stranger.certificatePem);
  await refused(made, /issued by an authority/);
  assert.equal(made.isWorthRetrying, false);
  writeFileSync(caFile, stranger.certificatePem + authority.certificatePem);
  assert.equal(made.isWorthRetrying, true);
  await pollOnce(made);
});

test("certificates are read as DER, too", async () => {
  const { port } = await front(good);
  const [caFile, clientCertificateFile] = [authority, client].map(({ der }, index) =>
    folder.write(`${index}.der`, der),
  );
  assert.ok(caFile !== undefined && clientCertificateFile !== undefined);
  await pollOnce(clientOf(port, settings({ caFile, clientCertificateFile })));
});

test("files of our own that cannot be used are refused before anybody is called", async () => {
  const { port, handshakes, failures } = await front(good);
  const open = folder.write("open.key", client.keyPem);
  chmodSync(open, 0o644);
  const gone = folder.write("gone.pem", "");
  rmSync(gone);
  const cases: [Partial<ModbusTls>, RegExp][] = [
    [{ clientPrivateKeyFile: open }, /open\.key because others than its owner can read/],
    [{ clientPrivateKeyFile: gone }, /cannot read private key .*gone\.pem/],
    [{ clientCertificateFile: gone }, /cannot read certificate .*gone\.pem/],
    [{ caFile: gone }, /cannot read certificate .*gone\.pem/],
    [{ clientPrivateKeyFile: good.keyFile }, /cannot use certificate .*partition\.pem with private key .*device\.key/],
    [
      { clientPrivateKeyFile: folder.write("noise.key", "noise") },
      /cannot use certificate .* with private key .*noise/,
    ],
    [{ caFile: folder.write("empty.pem", "") }, /empty\.pem/],
  ];
  for (const [changes, because] of cases) await refused(clientOf(port, settings(changes)), because);
  assert.deepEqual([handshakes, failures], [[], []]);
});

test("the environment cannot switch the checks off", async () => {
  const { port } = await front(await deviceCertificate("believed by none", { issuer: stranger }));
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    await refused(clientOf(port, settings()), /issued by an authority/);
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

test("a plain and a secured connection to one place are not shared, nor two with different checks", () => {
  const connections = new ModbusConnections();
  const plain = connections.acquire("h", 802);
  const secured = connections.acquire("h", 802, settings());
  assert.notEqual(secured, plain);
  assert.equal(connections.acquire("H", 802, settings()), secured);
  const others = [
    { caFile: stranger.certificateFile },
    { clientCertificateFile: good.certificateFile },
    { clientPrivateKeyFile: good.keyFile },
    { serverName: "other" },
    { minimumVersion: "1.3" } as const,
  ].map((changes) => connections.acquire("h", 802, settings(changes)));
  assert.equal(new Set([plain, secured, ...others]).size, 7);
});
