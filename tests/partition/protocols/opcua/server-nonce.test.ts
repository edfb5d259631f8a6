import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { ActivateSessionRequest, StatusCodes } from "node-opcua-client";
import type { OpcUaServer } from "../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";

const ignoreShortNonce = {
  ignoreHostName: false,
  ignoreExpiry: false,
  ignoreUnknownRevocation: false,
  ignoreShortNonce: true,
};

const options = { policies: ["Basic256Sha256"], certifiesClient: true } as const;
const anonymous = new OpcUaRig(options);
const users = new OpcUaRig({ ...options, users: { operator: "right" } });

function nonceBytes(length: number): void {
  for (const { server } of [anonymous, users]) Object.assign(server, { makeServerNonce: () => randomBytes(length) });
}

const operator = { kind: "UserName", userName: "operator", password: "right" } as const;

async function read(rig: OpcUaRig, change: Partial<OpcUaServer>): Promise<void> {
  const client = await rig.connected(change);
  assert.equal((await polled(client)).values.get(0)?.value, 0);
  await client.disconnect();
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
      await read(anonymous, {});
      assert.deepEqual(anonymous.logged, []);
    });
  }

  for (const length of [0, 16, 31]) {
    test(`of ${length} is refused before a login leaves`, async () => {
      nonceBytes(length);
      let logins = 0;
      const onRequest = (request: unknown): void => void (request instanceof ActivateSessionRequest && logins++);
      for (const { server } of [anonymous, users]) server.on("request", onRequest);
      await isRefused(read(anonymous, anonymous.secured), length);
      await isRefused(read(users, { ...users.secured, identity: operator }), length);
      for (const { server } of [anonymous, users]) server.off("request", onRequest);
      assert.equal(logins, 0);
    });
  }

  test("is used, and logged, where the site allows it", async () => {
    nonceBytes(16);
    const relaxations = ignoreShortNonce;
    await read(anonymous, { ...anonymous.secured, relaxations, mode: "Sign" });
    await read(users, { ...users.secured, relaxations, identity: operator });
    const log = [...anonymous.logged, ...users.logged];
    assert.equal(log.filter((line) => /^warn .* 16 bytes .* <ignore_short_nonce> is set$/.test(line)).length, 2);
  });

  test("is no matter where it is long enough", async () => {
    nonceBytes(32);
    await read(users, { ...users.secured, identity: operator, relaxations: ignoreShortNonce });
    assert.deepEqual(
      users.logged.filter((line) => line.includes("nonce")),
      [],
    );
  });
});

test("a server that grants a session with a Good of its own is no refusal", async () => {
  nonceBytes(32);
  const good = Object.assign(Object.create(StatusCodes.Good), {}) as typeof StatusCodes.Good;
  Object.defineProperty(good, "value", { value: 0x00ff_0000 });
  const onResponse = (response: unknown): void => {
    (response as { responseHeader: { serviceResult: unknown } }).responseHeader.serviceResult = good;
  };
  await anonymous.during("response", onResponse, () => read(anonymous, {}));
});
