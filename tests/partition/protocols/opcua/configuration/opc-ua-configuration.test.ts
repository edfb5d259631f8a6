import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import type { OpcUaServer } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { loadOpcUaConfiguration } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-configuration.ts";
import { noRelaxations } from "../../../../../packages/partition/src/certificates/server-certificate-check.ts";
import { ConfigurationError } from "../../../../../packages/partition/src/configuration/problem.ts";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";

const cases = join(import.meta.dirname, "../../../configuration/cases");

function caseServers(name: string): readonly OpcUaServer[] {
  const certificatesDirectory = join(cases, name);
  return loadOpcUaConfiguration(join(certificatesDirectory, "opcua.xml"), { certificatesDirectory }).configuration
    .servers;
}

function onlyServer(name: string): OpcUaServer {
  const servers = caseServers(name);
  assert.equal(servers.length, 1);
  return servers[0] ?? assert.fail();
}

test("a file written for the reference gives an absolute path for each certificate and leaves folders out", () => {
  const { nodes, location, ...server } = onlyServer("opcua-reference-plain");
  const folder = join(cases, "opcua-reference-plain");
  assert.deepEqual(server, {
    alias: "Anlage",
    endpointUrl: "opc.tcp://192.168.10.30:4840/",
    applicationUri: "urn:plant:client",
    policy: "Basic256Sha256",
    mode: "SignAndEncrypt",
    serverCertificateFile: join(folder, "server.der"),
    clientCertificateFile: join(folder, "client.der"),
    clientPrivateKeyFile: join(folder, "client.pem"),
    privateKeyPassphrase: undefined,
    relaxations: undefined,
    identity: { kind: "UserName", userName: "leser", password: "nicht geheim" },
    intervalMs: undefined,
    timeoutMs: 5000,
    retryIntervalMs: 10_000,
    maxNodesPerRead: undefined,
  });
  assert.equal(location.line, 3);
  assert.deepEqual(
    nodes.map(({ displayName, namespace, identifier, type, capacityBytes }) => [
      displayName,
      namespace,
      identifier,
      type,
      capacityBytes,
    ]),
    [
      ["Druck", { index: 2 }, { type: "Numeric", value: 1001 }, BuiltInType.Double, 0],
      // A space belongs to an identifier: it is the server's own text.
      ["Text", { index: 2 }, { type: "String", value: "Anlage.Füllstand " }, BuiltInType.String, 256],
      ["Eigen", { index: 65535 }, { type: "Numeric", value: 0 }, BuiltInType.Null, 256],
    ],
  );
  assert.equal(nodes[0]?.description, "Überdruck");
});

test("certificates that SecurityPolicyNone does not use need not exist", () => {
  const server = onlyServer("opcua-reference-no-security");
  assert.deepEqual([server.policy, server.mode, server.identity], ["None", "None", { kind: "Anonymous" }]);
  assert.equal(server.clientCertificateFile, undefined);
});

test("every setting of a server and of a node arrives, and all four identifier types", () => {
  const server = onlyServer("opcua-all-settings");
  const folder = join(cases, "opcua-all-settings");
  assert.deepEqual([server.timeoutMs, server.intervalMs, server.retryIntervalMs], [2500, 100, 1000]);
  assert.equal(server.maxNodesPerRead, 50);
  assert.deepEqual([server.policy, server.mode], ["Aes128_Sha256_RsaOaep", "Sign"]);
  assert.deepEqual(server.identity, {
    kind: "Certificate",
    certificateFile: join(folder, "user.der"),
    privateKeyFile: join(folder, "user.pem"),
    privateKeyPassphrase: undefined,
  });
  assert.deepEqual(
    server.nodes.map(({ namespace, identifier, capacityBytes, unit }) => [namespace, identifier, capacityBytes, unit]),
    [
      [{ uri: "urn:a b" }, { type: "Numeric", value: 1001 }, 0, "bar"],
      [{ index: 2 }, { type: "Guid", value: "72962B91-FA75-4AE6-8D28-B404DC7DAF63" }, 16, ""],
      [{ index: 2 }, { type: "Opaque", value: "TWFzY2g=" }, 1_048_576, ""],
      [{ index: 2 }, { type: "Numeric", value: 4_294_967_295 }, 0, ""],
    ],
  );
});

test("names, words and numbers in other unambiguous spellings and orders mean the same", () => {
  const { policy, mode, identity, relaxations, nodes } = onlyServer("opcua-other-spellings");
  assert.deepEqual([policy, mode, identity.kind], ["Aes128_Sha256_RsaOaep", "SignAndEncrypt", "UserName"]);
  assert.equal(relaxations?.ignoreExpiry, true);
  assert.deepEqual(
    nodes.map(({ displayName, namespace, identifier, type }) => [displayName, namespace, identifier, type]),
    [["Druck", { index: 2 }, { type: "Numeric", value: 85 }, BuiltInType.Float]],
  );
});

test("references to secrets are followed when the file is read", () => {
  const [user, application] = caseServers("opcua-secrets");
  assert.deepEqual(user?.identity, { kind: "UserName", userName: "leser", password: "geheim ä" });
  assert.equal(application?.privateKeyPassphrase, "geheim ä");
  const file = join(cases, "opcua-secrets-missing", "opcua.xml");
  const environment = { CPC_TEST_NEVER_SET: " with blanks " };
  const certificatesDirectory = join(cases, "opcua-secrets-missing");
  assert.throws(
    () => loadOpcUaConfiguration(file, { certificatesDirectory, environment }),
    (error) =>
      error instanceof ConfigurationError &&
      error.problems.every(({ line, message }) => line > 11 && !message.includes("CPC_TEST_NEVER_SET")),
  );
});

test("what a site relaxes arrives for each server apart", () => {
  const [some, none] = caseServers("opcua-relaxations");
  assert.deepEqual(some?.relaxations, {
    ...noRelaxations,
    ignoreHostName: true,
    ignoreExpiry: true,
    ignoreShortNonce: true,
    ignoreWeakLogin: false,
  });
  assert.equal(none?.relaxations, undefined);
});

test("what a site relaxes is warned about where security is required", () => {
  const file = join(cases, "opcua-relaxations", "opcua.xml");
  const relaxed = (requireSecurity: boolean): number => {
    const { warnings } = loadOpcUaConfiguration(file, {
      certificatesDirectory: join(cases, "opcua-relaxations"),
      requireSecurity,
    });
    return warnings.filter(({ message }) => /^<ignore_\w+> overlooks/.test(message)).length;
  };
  assert.deepEqual([relaxed(false), relaxed(true)], [0, 3]);
});

test("insecure policies are refused where security is required", () => {
  for (const [name, refused] of [
    ["opcua-insecure-policies", ["SecurityPolicyBasic128Rsa15", "SecurityPolicyBasic256"]],
    ["opcua-reference-no-security", ["SecurityPolicyNone"]],
  ] as const) {
    const certificatesDirectory = join(cases, name);
    assert.throws(
      () =>
        loadOpcUaConfiguration(join(certificatesDirectory, "opcua.xml"), {
          certificatesDirectory,
          requireSecurity: true,
        }),
      (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.deepEqual(
          error.problems.map(({ message }) => message.split(" ")[0]),
          refused,
        );
        return true;
      },
    );
  }
});

test("policies carry the names of their URIs", () => {
  assert.deepEqual(
    caseServers("opcua-insecure-policies").map(({ policy }) => policy),
    ["Basic128Rsa15", "Basic256", "Aes256_Sha256_RsaPss"],
  );
});

test("the shipped file loads without a warning, needs no certificate file and holds no password", () => {
  const file = join(import.meta.dirname, "../../../../../packages/partition/config/opcua-endpoints.xml");
  const { configuration, warnings } = loadOpcUaConfiguration(file, { certificatesDirectory: "/nonexistent" });
  assert.deepEqual(warnings, []);
  const [server] = configuration.servers;
  assert.equal(server?.mode, "SignAndEncrypt");
  assert.equal(server?.identity.kind, "Anonymous");
  assert.deepEqual(
    new Set(server?.nodes.map(({ identifier }) => identifier.type)),
    new Set(["Numeric", "String", "Guid", "Opaque"]),
  );
});

test("a browse name is the whole key, with the index of the node where it has none of its own", () => {
  assert.deepEqual(
    onlyServer("opcua-browse-names").nodes.map(({ browseName }) => browseName),
    ["2:Level", "3:Level", "7:Level", "2:7:Level", "2:a:b"],
  );
});

test("the strength of a pinned certificate can be relaxed, each point apart", () => {
  const [server] = caseServers("opcua-weak-pin");
  assert.deepEqual(server?.relaxations, {
    ...noRelaxations,
    ignoreShortNonce: false,
    ignoreKeyLength: true,
    ignoreHashAlgorithm: true,
    ignoreKeyUsage: true,
    ignoreWeakLogin: true,
  });
});

test("members stand behind the node that has the structure, with its interval, and names that lead to it", () => {
  const { nodes } = onlyServer("opcua-members");
  const seen = nodes.map(({ displayName, browseName, member, intervalMs, capacityBytes }) => [
    displayName,
    browseName,
    member?.owner,
    member?.steps,
    intervalMs,
    capacityBytes,
  ]);
  assert.deepEqual(seen, [
    ["Motor 0", undefined, undefined, undefined, undefined, 256],
    ["Motor 0.Speed", undefined, 0, ["Speed"], undefined, 0],
    ["Motor 0.Drive.Phases[2].Current", undefined, 0, ["Drive", "Phases", 2, "Current"], undefined, 0],
    ["Motor 0.Name", undefined, 0, ["Name"], undefined, 40],
    ["Motor 1", "2:Motoren", undefined, undefined, 5000, 256],
    ["Motor 1[0].Speed", "2:Motoren[0].Speed", 4, [0, "Speed"], 5000, 256],
    ["Motor 1[1].Speed", "2:Motoren[1].Speed", 4, [1, "Speed"], 5000, 256],
    ["Motor 2", undefined, undefined, undefined, undefined, 256],
    ["Motor 2[0].Größe in mm", undefined, 7, [0, "Größe in mm"], undefined, 256],
  ]);
  assert.equal(nodes[1]?.unit, "1/s");
  assert.equal(nodes[1]?.type, BuiltInType.Double);
});
