import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import {
  AttributeIds,
  DataType,
  MessageSecurityMode,
  OPCUAClient,
  SecurityPolicy,
  setErrorLogger,
  setWarningLogger,
  UserTokenType,
  VariantArrayType,
  type ClientSession,
  type DataValue,
  type UserIdentityInfo,
} from "node-opcua-client";

import { createApplicationCertificate } from "../../../packages/partition/src/certificates/application-certificate.ts";
import type { OpcUaServer } from "../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { ExplicitTrust } from "../../../packages/simulator/src/opcua-plant/explicit-trust.ts";
import { startSimulatedPlant, type SimulatedPlant } from "../../../packages/simulator/src/simulated-plant.ts";
import { modbusConfiguration, opcUaConfiguration, opcUaNode, opcUaServer } from "../../plant/plant-configuration.ts";

// The library reports every refusal, and refusals are what is tested here.
setErrorLogger(() => {});
setWarningLogger(() => {});

interface Security {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly mode?: MessageSecurityMode;
  readonly policy?: SecurityPolicy;
}

describe("simulated OPC UA server", { timeout: 200_000 }, () => {
  let directory = "";
  let plant: SimulatedPlant;
  let server: OpcUaServer;
  let trusted: Security;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "cpc-plant-"));
    const nodes = [
      opcUaNode("Öltemperatur", { identifier: { type: "Numeric", value: 4711 }, unit: "°C" }),
      opcUaNode("Druck", { type: BuiltInType.Float, unit: "bar" }),
      opcUaNode("Zähler", {
        type: BuiltInType.UInt64,
        identifier: { type: "Guid", value: "09087E75-8E5E-499B-954F-F2A9603DB28A" },
      }),
      opcUaNode("Läuft", {
        type: BuiltInType.Boolean,
        identifier: { type: "Opaque", value: "M/RbKBsRVkePCePcx24oRA==" },
      }),
      opcUaNode("Gewichte", { type: BuiltInType.Int32, capacityBytes: 80 }),
      opcUaNode("Zustand", { type: BuiltInType.String, capacityBytes: 256 }),
      opcUaNode("Meldung", { type: BuiltInType.LocalizedText, namespace: { uri: "urn:example:meldungen" } }),
      opcUaNode("Zeit", { type: BuiltInType.DateTime }),
      opcUaNode("Puffer", { type: BuiltInType.ByteString }),
      opcUaNode("Kennung", { type: BuiltInType.Guid }),
      opcUaNode("Irgendwas", { type: BuiltInType.Null }),
      opcUaNode("Serverzeit", { namespace: { index: 0 }, identifier: { type: "Numeric", value: 2258 } }),
    ];
    plant = await startSimulatedPlant({
      directory,
      modbus: modbusConfiguration(),
      opcua: opcUaConfiguration(
        opcUaServer("Anlage", { nodes }),
        opcUaServer("Bediener", { identity: { kind: "UserName", userName: "bediener", password: "geheim" } }),
      ),
    });
    const first = plant.opcua.servers[0];
    assert.ok(first?.clientCertificateFile !== undefined && first.clientPrivateKeyFile !== undefined);
    server = first;
    trusted = { certificateFile: first.clientCertificateFile, privateKeyFile: first.clientPrivateKeyFile };
  });

  after(async () => {
    await plant.stop();
    rmSync(directory, { recursive: true });
  });

  /** A session of a client that knows the server's certificate, ended whatever `use` does. */
  async function withSession<Result>(
    security: Security,
    use: (session: ClientSession) => Promise<Result>,
    identity: UserIdentityInfo = { type: UserTokenType.Anonymous },
  ): Promise<Result> {
    assert.ok(server.serverCertificateFile !== undefined);
    const client = OPCUAClient.create({
      applicationUri: server.applicationUri,
      certificateFile: security.certificateFile,
      privateKeyFile: security.privateKeyFile,
      securityMode: security.mode ?? MessageSecurityMode.SignAndEncrypt,
      securityPolicy: security.policy ?? SecurityPolicy.Basic256Sha256,
      serverCertificate: readFileSync(server.serverCertificateFile),
      endpointMustExist: false,
      clientCertificateManager: new ExplicitTrust(directory, [server.serverCertificateFile]),
      connectionStrategy: { maxRetry: 0 },
    });
    client.on("backoff", () => {});
    try {
      await client.connect(server.endpointUrl);
      const session = await client.createSession(identity);
      try {
        return await use(session);
      } finally {
        await session.close();
      }
    } finally {
      await client.disconnect();
    }
  }

  it("serves each configured node with its type, by every kind of identifier", async () => {
    const values = await withSession(trusted, (session) =>
      read(
        session,
        "ns=2;i=4711",
        "ns=2;s=Druck",
        "ns=2;g=09087E75-8E5E-499B-954F-F2A9603DB28A",
        "ns=2;b=M/RbKBsRVkePCePcx24oRA==",
        "ns=2;s=Gewichte",
        "ns=2;s=Zustand",
        "ns=3;s=Meldung",
        "ns=2;s=Zeit",
        "ns=2;s=Puffer",
        "ns=2;s=Kennung",
        "ns=2;s=Irgendwas",
        "ns=0;i=2258",
        "ns=2;s=gibt es nicht",
      ),
    );
    assert.deepEqual(
      values.map(({ statusCode, value }) => (statusCode.isGood() ? DataType[value.dataType] : statusCode.name)),
      [
        "Double",
        "Float",
        "UInt64",
        "Boolean",
        "Int32",
        "String",
        "LocalizedText",
        "DateTime",
        "ByteString",
        "Guid",
        "Double",
        "DateTime",
        "BadNodeIdUnknown",
      ],
    );
    assert.equal(values[4]?.value.arrayType, VariantArrayType.Array);
    assert.equal(values[4]?.value.value.length, 10);
    assert.ok(values[0]?.value.value > 10 && values[0]?.value.value < 100);
  });

  it("gives German names and the namespaces of the configuration", async () => {
    await withSession(trusted, async (session) => {
      const name = await session.read({ nodeId: "ns=2;i=4711", attributeId: AttributeIds.BrowseName });
      assert.equal(name.value.value.toString(), "2:Öltemperatur");
      const namespaces = await session.readNamespaceArray();
      assert.equal(namespaces[3], "urn:example:meldungen");
    });
  });

  it("has values that move", async () => {
    await withSession(trusted, async (session) => {
      const [first] = await read(session, "ns=2;i=4711");
      let now = first;
      while (now?.value.value === first?.value.value) [now] = await read(session, "ns=2;i=4711");
    });
  });

  it("refuses a client whose certificate nobody put into its trust list, though it looks the same", async () => {
    const stranger = { certificateFile: join(directory, "x.der"), privateKeyFile: join(directory, "x.pem") };
    await createApplicationCertificate({
      ...stranger,
      applicationUri: server.applicationUri,
      hostNames: ["127.0.0.1"],
      commonName: "cpc client-1",
      validDays: 30,
    });
    await assert.rejects(withSession(stranger, async () => {}));
  });

  it("offers no policy, mode or unencrypted session beside the configured ones", async () => {
    const client = OPCUAClient.create({
      certificateFile: trusted.certificateFile,
      privateKeyFile: trusted.privateKeyFile,
      clientCertificateManager: new ExplicitTrust(directory, []),
      connectionStrategy: { maxRetry: 0 },
    });
    await client.connect(server.endpointUrl);
    const endpoints = await client.getEndpoints();
    await client.disconnect();
    assert.deepEqual(
      endpoints.map(({ securityMode, securityPolicyUri }) => [MessageSecurityMode[securityMode], securityPolicyUri]),
      [["SignAndEncrypt", SecurityPolicy.Basic256Sha256]],
    );
    await assert.rejects(
      withSession({ ...trusted, mode: MessageSecurityMode.None, policy: SecurityPolicy.None }, async () => {}),
    );
  });

  it("lets a configured user in, and nobody with another password", async () => {
    assert.equal(await withSession(trusted, async () => "in", user("geheim")), "in");
    await assert.rejects(
      withSession(trusted, async () => "in", user("geraten")),
      /BadUserAccessDenied/,
    );
  });

  it("keeps the path of the configured endpoint URL", () => {
    assert.match(server.endpointUrl, /^opc\.tcp:\/\/127\.0\.0\.1:\d+\/Anlage\/Server$/);
  });
});

async function read(session: ClientSession, ...nodeIds: string[]): Promise<DataValue[]> {
  return session.read(nodeIds.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })));
}

function user(password: string): UserIdentityInfo {
  return { type: UserTokenType.UserName, userName: "bediener", password };
}
