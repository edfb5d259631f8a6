import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { ActivateSessionRequest, StatusCodes } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import type { OpcUaServer } from "../../../../packages/partition/src/configuration/configuration.ts";
import { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import {
  addDoubles,
  certificateIn,
  configuredServer,
  never,
  nodeNamed,
  RecordingSink,
  startServer,
  temporaryFolder,
} from "../../../plant/opcua-server.ts";
import type { CertificateFiles } from "../../../plant/opcua-server.ts";

const ignoreShortNonce = {
  ignoreHostName: false,
  ignoreExpiry: false,
  ignoreUnknownRevocation: false,
  ignoreShortNonce: true,
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let anonymous: { server: OPCUAServer; url: string };
let users: { server: OPCUAServer; url: string };
let clientFiles: CertificateFiles;
let client: OpcUaClient | undefined;
let log: string[] = [];

before(async () => {
  folder = await temporaryFolder();
  const certificate = await certificateIn(folder.path, "server");
  clientFiles = await certificateIn(folder.path, "client");
  const trusted = join(folder.path, "certificates", "trusted", "certs");
  mkdirSync(trusted, { recursive: true });
  copyFileSync(certificate.certificateFile, join(trusted, "server.der"));
  const options = {
    certificate,
    policies: ["Basic256Sha256"] as const,
    build: (built: OPCUAServer) => addDoubles(built, ["a"]),
  };
  anonymous = await startServer({ ...options, folder: join(folder.path, "anonymous") });
  users = await startServer({ ...options, folder: join(folder.path, "users"), users: { operator: "right" } });
});

after(async () => {
  await anonymous.server.shutdown(0);
  await users.server.shutdown(0);
  await folder.remove();
});

afterEach(async () => {
  await client?.disconnect();
  log = [];
});

function nonceBytes(length: number): void {
  for (const { server } of [anonymous, users]) Object.assign(server, { makeServerNonce: () => randomBytes(length) });
}

const secured: Partial<OpcUaServer> = { policy: "Basic256Sha256", mode: "SignAndEncrypt" };
const operator = { kind: "UserName", userName: "operator", password: "right" } as const;

async function read(url: string, change: Partial<OpcUaServer>): Promise<void> {
  const server = configuredServer(url, {
    nodes: [nodeNamed("a")],
    clientCertificateFile: clientFiles.certificateFile,
    clientPrivateKeyFile: clientFiles.privateKeyFile,
    ...change,
  });
  client = new OpcUaClient(server, {
    directory: join(folder.path, "certificates"),
    log: (level, message) => log.push(`${level} ${message}`),
  });
  await client.connect(never);
  const sink = new RecordingSink();
  await client.poll(sink, never);
  assert.equal(sink.values.get(0)?.value, 0);
}

function isRefused(work: Promise<void>, bytes: number): Promise<void> {
  return assert.rejects(work, (error: ServerError) => {
    assert.equal(error.code, "SecurityRefused", error.message);
    assert.match(error.message, new RegExp(`^cannot open a session on opc\\.tcp://\\S+ because .* ${bytes} bytes`));
    assert.match(error.message, /<ignore_short_nonce>true<\/ignore_short_nonce>/);
    return true;
  });
}

describe("a server's nonce shorter than 32 bytes", () => {
  for (const length of [1, 16, 31]) {
    test(`of ${length} does not matter without security and user`, async () => {
      nonceBytes(length);
      await read(anonymous.url, {});
      assert.deepEqual(log, []);
    });
  }

  for (const length of [0, 16, 31]) {
    test(`of ${length} is refused before a login leaves`, async () => {
      nonceBytes(length);
      let logins = 0;
      const onRequest = (request: unknown): void => void (request instanceof ActivateSessionRequest && logins++);
      for (const { server } of [anonymous, users]) server.on("request", onRequest);
      await isRefused(read(anonymous.url, secured), length);
      await isRefused(read(users.url, { ...secured, identity: operator }), length);
      for (const { server } of [anonymous, users]) server.off("request", onRequest);
      assert.equal(logins, 0);
    });
  }

  test("is used, and logged, where the site allows it", async () => {
    nonceBytes(16);
    const relaxed = { ...secured, relaxations: ignoreShortNonce };
    await read(anonymous.url, { ...relaxed, mode: "Sign" });
    await client?.disconnect();
    await read(users.url, { ...relaxed, identity: operator });
    assert.equal(log.filter((line) => /^warn .* 16 bytes .* <ignore_short_nonce> is set$/.test(line)).length, 2);
  });

  test("is no matter where it is long enough", async () => {
    nonceBytes(32);
    await read(users.url, { ...secured, identity: operator, relaxations: ignoreShortNonce });
    assert.deepEqual(
      log.filter((line) => line.includes("nonce")),
      [],
    );
  });
});

test("a server that grants a session with a Good of its own is no refusal", async () => {
  nonceBytes(32);
  const { server, url } = anonymous;
  const good = Object.assign(Object.create(StatusCodes.Good), {}) as typeof StatusCodes.Good;
  Object.defineProperty(good, "value", { value: 0x00ff_0000 });
  const onResponse = (response: { responseHeader: { serviceResult: unknown } }): void => {
    response.responseHeader.serviceResult = good;
  };
  server.on("response", onResponse);
  try {
    await read(url, {});
  } finally {
    server.off("response", onResponse);
  }
});
