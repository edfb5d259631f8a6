// A real device that listens on ::1, reached as a configuration file names it.

import "reflect-metadata"; // the X.509 library does not load without it

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { ExtendedKeyUsage } from "@peculiar/x509";

import { loadModbusConfiguration } from "../../../../packages/partition/src/protocols/modbus/configuration/modbus-configuration.ts";
import { ModbusConnections } from "../../../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ModbusTcpClient } from "../../../../packages/partition/src/library/modbus-tcp-client.ts";
import { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { ModbusDevice } from "../../../../packages/simulator/src/modbus-device.ts";
import { RecordingSink } from "../../../plant/modbus-points.ts";
import { CertificateFolder } from "../../../plant/certificate-folder.ts";
import { TcpProxy } from "../../../plant/tcp-proxy.ts";

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const skip = hasIPv6 ? false : "this machine has no ::1";

const folder = mkdtempSync(join(tmpdir(), `cpc-ipv6-${process.pid}-`));
const certificates = new CertificateFolder();
let device: ModbusDevice | undefined;
before(async () => {
  if (hasIPv6) device = await ModbusDevice.listen({ host: "::1", table: () => 4711 });
});
after(async () => {
  await device?.stop();
  certificates.remove();
  rmSync(folder, { recursive: true });
});

async function readFrom(host: string, port = device?.port, tls = ""): Promise<unknown> {
  const file = join(folder, "modbus.xml");
  writeFileSync(
    file,
    `<modbus-servers><server><ipaddr>${host}</ipaddr><port>${port}</port><serveralias>A</serveralias>${tls}<endpoints><endpoint>
    <name>n</name><function>Read Holding Registers</function><address>0</address><quantity>1</quantity><offset>-1</offset>
    <type/><description/></endpoint></endpoints></server></modbus-servers>`,
  );
  const { configuration } = loadModbusConfiguration(file, { certificatesDirectory: certificates.path });
  const client = new ModbusTcpClient(configuration.servers[0] ?? assert.fail(), new ModbusConnections());
  const running = new AbortController().signal;
  const sink = new RecordingSink();
  try {
    await client.connect(running);
    await client.poll(sink, running);
  } finally {
    await client.disconnect();
  }
  return sink.value(0);
}

for (const host of ["::1", "[::1]", "0:0:0:0:0:0:0:1"]) {
  test(`a device at <ipaddr>${host}</ipaddr> is read`, { skip }, async () => {
    assert.equal(await readFrom(host), 4711);
  });
}

test("a message names an IPv6 address in brackets, apart from the port", { skip }, async () => {
  const gone = await ModbusDevice.listen({ host: "::1", table: () => 0 });
  await gone.stop();
  await assert.rejects(readFrom("::1", gone.port), (error) => {
    assert.ok(error instanceof ServerError);
    assert.ok(error.message.includes(`[::1]:${gone.port}`), error.message);
    return true;
  });
});

test("over TLS the certificate has to be for the IPv6 address", { skip }, async (t) => {
  const authority = await certificates.make("Plant CA", { isAuthority: true });
  const client = await certificates.make("partition", { issuer: authority, usage: ExtendedKeyUsage.clientAuth });
  const tls = `<tls><ca>${authority.certificateFile}</ca><client_certificate>${client.certificateFile}</client_certificate><client_private_key>${client.keyFile}</client_private_key></tls>`;
  const plain = await ModbusDevice.listen({ table: () => 4712 });
  t.after(() => plain.stop());
  for (const [name, isRight] of [
    ["::1", true],
    ["::2", false],
  ] as const) {
    const own = await certificates.make(`for ${name}`, {
      issuer: authority,
      names: [name],
      usage: ExtendedKeyUsage.serverAuth,
    });
    const options = { cert: own.certificatePem, key: own.keyPem, ca: authority.certificatePem };
    const front = await TcpProxy.start(plain.port, { tls: options, host: "::1" });
    t.after(() => front.close());
    if (isRight) assert.equal(await readFrom("[0::1]", front.port, tls), 4712);
    else await assert.rejects(readFrom("::1", front.port, tls), /certificate is not for ::1/);
  }
});
