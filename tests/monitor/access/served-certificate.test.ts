import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import { ServedCertificate } from "../../../packages/monitor/src/access/served-certificate.ts";
import { CertificateFolder, serverUse } from "../../plant/certificate-folder.ts";

/** No certificate ends soon. */
const longBefore = 0;
const wishes = { names: ["localhost"], usage: serverUse };

test("a certificate that was renewed on disk is served, and files that cannot be used change nothing", async (t) => {
  using folder = new CertificateFolder();
  const [first, second] = [await folder.make("first", wishes), await folder.make("second", wishes)];
  const logged: string[] = [];
  const files = { certificate: first.certificateFile, key: first.keyFile };
  const certificate = new ServedCertificate(files, (level, message) => logged.push(`${level}: ${message}`));
  const server = createServer(certificate.options).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const shown = async (): Promise<Buffer> => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return raw;
  };

  certificate.renew(server, longBefore);
  assert.deepEqual(logged, []);
  assert.deepEqual(await shown(), first.der);

  copyFileSync(second.certificateFile, first.certificateFile);
  certificate.renew(server, longBefore);
  certificate.renew(server, longBefore);
  assert.equal(logged.length, 1, "the key is still to come");
  assert.match(
    logged[0] ?? "",
    /^warn: cannot serve HTTPS with .*first\.pem and .*first\.key because TLS refuses them .*; /,
  );
  assert.deepEqual(await shown(), first.der);

  copyFileSync(second.keyFile, first.keyFile);
  certificate.renew(server, longBefore);
  assert.match(logged[1] ?? "", /^info: the page is served with the new certificate/);
  assert.deepEqual(await shown(), second.der);

  rmSync(first.keyFile);
  certificate.renew(server, longBefore);
  assert.match(logged[2] ?? "", /^warn: cannot serve HTTPS with .*first\.key because it does not exist; /);
  assert.deepEqual(await shown(), second.der);
  assert.throws(() => new ServedCertificate(files, () => {}), { name: "CommandError", message: /does not exist/ });
});

test("a certificate that ends within a month, or has, is told once a day, until another is there", async () => {
  using folder = new CertificateFolder();
  const [first, second] = [await folder.make("first", wishes), await folder.make("second", wishes)];
  const logged: string[] = [];
  const files = { certificate: first.certificateFile, key: first.keyFile };
  const certificate = new ServedCertificate(files, (_level, message) => logged.push(message));
  const endMs = new X509Certificate(first.der).validToDate.getTime();
  const dayMs = 86_400_000;
  const look = (daysBefore: number): void =>
    certificate.renew({ setSecureContext: () => {} }, endMs - daysBefore * dayMs);
  look(30);
  assert.deepEqual(logged, []);
  for (const days of [29.5, 29.1, 28.9, 0.5, -0.5, -0.9, -1.5]) look(days);
  assert.deepEqual(
    logged.map((text) => /first\.pem, (.*?): /.exec(text)?.[1]),
    ["ends in 29 days", "ends in 28 days", "ends in 0 days", "has expired", "has expired"],
  );
  copyFileSync(second.certificateFile, first.certificateFile);
  copyFileSync(second.keyFile, first.keyFile);
  look(-1.5);
  assert.deepEqual(
    logged.slice(5).map((text) => /^(the certificate of the page|the page is served with the new)/.exec(text)?.[1]),
    ["the page is served with the new", "the certificate of the page"],
    "it has as little time",
  );
});
