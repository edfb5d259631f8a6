import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { TrustList } from "../../packages/partition/src/certificates/trust-list.ts";
import { ModbusDevice } from "../../packages/simulator/src/modbus-device.ts";
import { startSimulatedPlant, type SimulatedPlant } from "../../packages/simulator/src/simulated-plant.ts";
import {
  modbusConfiguration,
  modbusPoint,
  modbusServer,
  opcUaConfiguration,
  opcUaNode,
  opcUaServer,
} from "../plant/plant-configuration.ts";

const modbus = modbusConfiguration(
  modbusServer("A", { points: [modbusPoint("Druck", { address: 5 })] }),
  modbusServer("B", { port: 1502, points: [modbusPoint("Füllstand", { address: 9 })] }),
  modbusServer("A, Einheit 2", { points: [modbusPoint("Temperatur", { unitId: 2, address: 5 })] }),
);
const opcua = opcUaConfiguration(
  opcUaServer("Anlage", { nodes: [opcUaNode("Druck")] }),
  opcUaServer("Lager", {
    endpointUrl: "opc.tcp://lager.example.com:4840",
    applicationUri: "urn:cpc-partition:other-client",
    policy: "Aes128_Sha256_RsaOaep",
    identity: { kind: "Certificate", certificateFile: "/nowhere.der", privateKeyFile: "/nowhere.pem" },
  }),
);

describe("simulated plant", { timeout: 200_000 }, () => {
  let directory = "";
  let plant: SimulatedPlant;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "cpc-plant-"));
    plant = await startSimulatedPlant({ modbus, opcua, directory: mkdtempSync(join(directory, "a-")) });
  });

  after(async () => {
    await plant.stop();
    rmSync(directory, { recursive: true });
  });

  it("gives the Modbus configuration back with nothing changed but host and port", () => {
    const ports = plant.modbus.servers.map(({ port }) => port);
    assert.equal(ports[0], ports[2], "servers of one address share a device");
    assert.notEqual(ports[0], ports[1]);
    assert.deepEqual(
      plant.modbus.servers.map((server, i) => ({ ...server, host: "10.0.0.7", port: modbus.servers[i]?.port })),
      modbus.servers,
    );
  });

  it("gives the OPC UA configuration back with nothing changed but endpoint and certificates", () => {
    assert.deepEqual(
      plant.opcua.servers.map((server, i) => ({
        ...server,
        endpointUrl: opcua.servers[i]?.endpointUrl,
        identity: opcua.servers[i]?.identity,
        serverCertificateFile: undefined,
        clientCertificateFile: undefined,
        clientPrivateKeyFile: undefined,
      })),
      opcua.servers,
    );
    assert.equal(new Set(plant.opcua.servers.map(({ endpointUrl }) => endpointUrl)).size, 2);
  });

  it("puts exactly its servers' certificates into the trust list", () => {
    const configured = plant.opcua.servers.map(({ serverCertificateFile }) =>
      read(serverCertificateFile).toString("hex"),
    );
    const trusted = new TrustList(plant.securityDirectory).trustedCertificates().map((der) => der.toString("hex"));
    assert.deepEqual(trusted.sort(), configured.sort());
  });

  it("makes client and user certificates that fit the configuration, with private keys for the owner alone", () => {
    for (const server of plant.opcua.servers) {
      const certificate = new X509Certificate(read(server.clientCertificateFile));
      assert.match(certificate.subjectAltName ?? "", new RegExp(`^URI:${server.applicationUri},`));
      assert.equal(statSync(server.clientPrivateKeyFile ?? "").mode & 0o777, 0o600);
    }
    const identity = plant.opcua.servers[1]?.identity;
    assert.ok(identity?.kind === "Certificate");
    assert.notEqual(new X509Certificate(readFileSync(identity.certificateFile)).subject, "");
    assert.equal(statSync(identity.privateKeyFile).mode & 0o777, 0o600);
    for (const name of readdirSync(plant.securityDirectory)) {
      assert.equal(statSync(join(plant.securityDirectory, name)).mode & 0o077, 0, `${name} is open to others`);
    }
  });

  it("plays one server for each address, however it is written", async () => {
    const endpointUrls = ["opc.tcp://SPS:4840/Anlage", "opc.tcp://sps/Anlage", "opc.tcp://sps:4841/Anlage"];
    const played = await startSimulatedPlant({
      modbus: modbusConfiguration(),
      opcua: opcUaConfiguration(
        ...endpointUrls.map((endpointUrl, i) =>
          opcUaServer(`Server ${i}`, { endpointUrl, policy: "None", mode: "None" }),
        ),
      ),
      directory: mkdtempSync(join(directory, "d-")),
    });
    await played.stop();
    const [first, same, other] = played.opcua.servers.map(({ endpointUrl }) => endpointUrl);
    assert.equal(first, same);
    assert.notEqual(first, other);
  });

  it("names a node whose namespace has no room instead of taking all memory for it", async () => {
    const nodes = [opcUaNode("Weit oben", { namespace: { index: 1001 } })];
    await assert.rejects(
      startSimulatedPlant({
        modbus: modbusConfiguration(),
        opcua: opcUaConfiguration(opcUaServer("Anlage", { nodes })),
        directory: mkdtempSync(join(directory, "e-")),
      }),
      /"Weit oben" has namespace index 1001/,
    );
  });

  it("answers each unit from its own points", async () => {
    const [first] = plant.modbus.servers;
    assert.ok(first);
    const socket = connect(first.port, first.host);
    for (const unit of ["01", "02"]) {
      socket.write(Buffer.from(`000100000006${unit}0300050001`, "hex"));
      const [answer] = (await once(socket, "data")) as [Buffer];
      assert.equal(answer.toString("hex", 0, 9), `000100000005${unit}0302`);
      assert.ok(answer.readUInt16BE(9) > 0);
    }
    socket.destroy();
  });

  it("starts nothing at all when one of its ports is taken", async () => {
    const occupied = await ModbusDevice.listen({ table: () => 0 });
    const free = await ModbusDevice.listen({ table: () => 0 });
    await free.stop();
    await assert.rejects(
      startSimulatedPlant({
        modbus,
        opcua,
        directory: mkdtempSync(join(directory, "b-")),
        modbusPort: free.port,
        opcuaPort: occupied.port,
      }),
    );
    // The port of the Modbus device that had started can be had again.
    const again = await ModbusDevice.listen({ table: () => 0, port: free.port });
    await again.stop();
    await occupied.stop();
  });

  it("leaves nothing that keeps a process alive", async () => {
    const program = `
      import { startSimulatedPlant } from ${JSON.stringify(new URL("../../packages/simulator/src/simulated-plant.ts", import.meta.url).href)};
      const plant = await startSimulatedPlant(JSON.parse(process.argv[1]));
      await plant.stop();`;
    const options = JSON.stringify({ modbus, opcua, directory: mkdtempSync(join(directory, "c-")) });
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program, options], { stdio: "inherit" });
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
});

function read(file: string | undefined): Buffer {
  assert.ok(file !== undefined);
  return readFileSync(file);
}
