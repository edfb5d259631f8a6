// The reason that a server gives when it refuses a connection, wherever it does: which kind it is, and what to do.

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  ActivateSessionResponse,
  CreateSessionResponse,
  GetEndpointsResponse,
  OpenSecureChannelResponse,
  StatusCodes,
} from "node-opcua-client";
import type { StatusCode } from "node-opcua-client";
import { fingerprint } from "../../../../packages/partition/src/certificates/certificate-file.ts";
import type { OpcUaServer } from "../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import type { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { certificateIn, never, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";

const badSecurityChecksFailed = 0x80130000;
const badCertificateUseNotAllowed = 0x80180000;
const badSecurityPolicyRejected = 0x80550000;
const badTcpEndpointUrlInvalid = 0x80830000;
const badTcpServerTooBusy = 0x807d0000;

const rig = new OpcUaRig({
  policies: ["Basic128Rsa15", "Basic256Sha256"],
  certifiesClient: true,
  client: { timeoutMs: 30_000 },
});

/** The failure, and that the server is asked again after so long. */
async function refused(of: OpcUaClient, code: FailureKind, ...parts: readonly RegExp[]): Promise<void> {
  await assert.rejects(of.connect(never), (error: ServerError) => {
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.match(error.message, part);
    return true;
  });
  assert.equal(of.retryIntervalMs, code === "SecurityRefused" || code === "IdentityRefused" ? 60_000 : 30_000);
}

function errorMessage(code: number): Buffer {
  const reason = Buffer.from("a reason of the server's own");
  const message = Buffer.alloc(16 + reason.length);
  message.write("ERRF", "latin1");
  message.writeUInt32LE(message.length, 4);
  message.writeUInt32LE(code, 8);
  message.writeUInt32LE(reason.length, 12);
  reason.copy(message, 16);
  return message;
}

/** In front of the server: whatever it answers to the n-th message of connection c, or later, becomes an Error message. */
async function spoiling(
  where: { readonly connection: number; readonly message: number; readonly code: number },
  body: (url: string) => Promise<void>,
): Promise<void> {
  const messages = new Map<number, number>();
  const proxy = await rig.proxy();
  proxy.faults.spoil = (direction, bytes, { number }) => {
    if (direction === "to server") messages.set(number, (messages.get(number) ?? 0) + 1);
    else if (number === where.connection && (messages.get(number) ?? 0) >= where.message)
      return errorMessage(where.code);
    return bytes;
  };
  await body(proxy.url);
}

const unpinned = (): Partial<OpcUaServer> => ({ ...rig.secured, serverCertificateFile: undefined });
const file = (): RegExp =>
  new RegExp(`has to trust our certificate, .*: give it the file ${rig.clientCertificate.certificateFile}`);
const print = (): RegExp =>
  new RegExp(`SHA-256 ${fingerprint(readFileSync(rig.clientCertificate.certificateFile))}: give it`);

describe("an Error message of the server is the reason, and says what to do", () => {
  const [hello, open, getEndpoints, createSession] = [1, 2, 3, 5];

  test("to the Hello, the OpenSecureChannel and the GetEndpoints of discovery", async () => {
    for (const message of [hello, open, getEndpoints]) {
      await spoiling({ connection: 0, message, code: badTcpEndpointUrlInvalid }, (address) =>
        refused(rig.client({}, address), "ConnectionFailed", /answers BadTcpEndpointUrlInvalid; .*<server_app_uri>/),
      );
      await spoiling({ connection: 0, message, code: badSecurityPolicyRejected }, (address) =>
        refused(
          rig.client(unpinned(), address),
          "SecurityRefused",
          /answers BadSecurityPolicyRejected; .*<server_certificate>/,
        ),
      );
    }
  });

  test("to the Hello and the OpenSecureChannel of the connection", async () => {
    for (const message of [hello, open]) {
      await spoiling({ connection: 1, message, code: badSecurityChecksFailed }, (address) =>
        refused(
          rig.client(rig.secured, address),
          "SecurityRefused",
          /answers BadSecurityChecksFailed/,
          file(),
          print(),
        ),
      );
      await spoiling({ connection: 1, message, code: badCertificateUseNotAllowed }, (address) =>
        refused(
          rig.client(rig.secured, address),
          "SecurityRefused",
          /BadCertificateUseNotAllowed; .*"npm run -s cpc -- cert create" makes/,
        ),
      );
      await spoiling({ connection: 1, message, code: badSecurityPolicyRejected }, (address) =>
        refused(rig.client(rig.secured, address), "SecurityRefused", /BadSecurityPolicyRejected; choose a <policy>/),
      );
      await spoiling({ connection: 1, message, code: badTcpServerTooBusy }, (address) =>
        refused(rig.client(rig.secured, address), "ConnectionFailed", /answers BadTcpServerTooBusy$/),
      );
    }
  });

  test("to the GetEndpoints and the CreateSession of the connection", async () => {
    for (const message of [3, 4]) {
      await spoiling({ connection: 1, message, code: badSecurityChecksFailed }, (address) =>
        refused(rig.client(rig.secured, address), "SecurityRefused", /BadSecurityChecksFailed/, file()),
      );
    }
    await spoiling({ connection: 1, message: createSession, code: badSecurityChecksFailed }, (address) =>
      refused(
        rig.client(rig.secured, address),
        "SecurityRefused",
        /^cannot open a session .*BadSecurityChecksFailed/,
        file(),
      ),
    );
  });

  test("while values are read", async () => {
    let isOver = false;
    const proxy = await rig.proxy();
    proxy.faults.spoil = (direction, bytes) => (direction === "to client" && isOver ? errorMessage(0x80860000) : bytes);
    const of = await rig.connected({}, proxy.url);
    isOver = true;
    await assert.rejects(of.poll(new RecordingSink(), never), {
      code: "ConnectionFailed",
      message: /^cannot read from \S+ because the server answers BadSecureChannelClosed$/,
    });
  });
});

describe("a server that tells nothing without security", () => {
  test("is reached when its certificate is pinned, whether it refuses or closes", async () => {
    for (const answer of [errorMessage(badSecurityPolicyRejected), undefined]) {
      const proxy = await rig.proxy();
      proxy.faults.spoil = (direction, bytes, { number, client: socket }) => {
        const isUnsecured = number === 0 && bytes.toString("latin1", 0, 3) === "OPN";
        if (direction === "to server" || !isUnsecured) return bytes;
        if (answer === undefined) socket.destroy();
        return answer;
      };
      const of = await rig.connected(rig.secured, proxy.url);
      const sink = await polled(of);
      assert.equal(sink.values.get(0)?.value, 0);
      assert.equal(proxy.connections, 2);
    }
  });

  test("and does not answer a client with a certificate, perhaps does not trust it", async () => {
    const proxy = await rig.proxy();
    proxy.faults.spoil = (direction, bytes, { number }) =>
      direction === "to server" || number === 0 || bytes.toString("latin1", 0, 3) !== "OPN" ? bytes : undefined;
    const of = rig.client({ ...rig.secured, timeoutMs: 1500 }, proxy.url);
    await refused(of, "Timeout", /no answer came .*; perhaps the server has to trust our certificate/, file(), print());
  });

  test("is told how to be reached when it is not", async () => {
    await spoiling({ connection: 0, message: 2, code: badSecurityChecksFailed }, (address) =>
      refused(
        rig.client(unpinned(), address),
        "SecurityRefused",
        /does not even list its endpoints .*<server_certificate>/,
      ),
    );
  });

  test("is still refused when it is another one than the pinned", async () => {
    const stranger = await certificateIn(rig.folder, "stranger");
    const pinned = { ...rig.secured, serverCertificateFile: stranger.certificateFile };
    await spoiling({ connection: 0, message: 2, code: badSecurityPolicyRejected }, (address) =>
      refused(rig.client(pinned, address), "ConnectionFailed", /is <server_certificate> still the server's\?/),
    );
  });
});

/** While `body` runs, answers are changed before the server sends them. */
async function changing<T>(type: new () => T, change: (response: T) => void, body: () => Promise<void>): Promise<void> {
  const onChannel = (channel: {
    send_response: (type: string, response: unknown, ...more: unknown[]) => void;
  }): void => {
    const send = channel.send_response.bind(channel);
    channel.send_response = (messageType, response, ...more) => {
      if (response instanceof type) change(response);
      send(messageType, response, ...more);
    };
  };
  rig.server.on("newChannel", onChannel as never);
  try {
    await body();
  } finally {
    rig.server.off("newChannel", onChannel as never);
  }
}

function answering(code: StatusCode) {
  return ({ responseHeader }: CreateSessionResponse | ActivateSessionResponse): void => {
    responseHeader.serviceResult = code;
  };
}

function withoutEndpoints(response: GetEndpointsResponse): void {
  response.endpoints = [];
}

/** That of Basic128Rsa15, and of no other channel of these tests. */
function withLongNonce(response: OpenSecureChannelResponse): void {
  if (response.serverNonce?.length === 16) response.serverNonce = Buffer.alloc(32, 7);
}

test("a refusal of CreateSession names the file that the server has to trust", async () => {
  await changing(CreateSessionResponse, answering(StatusCodes.BadSecurityChecksFailed), () =>
    refused(
      rig.client(rig.secured),
      "SecurityRefused",
      /^cannot open a session .*BadSecurityChecksFailed/,
      file(),
      print(),
    ),
  );
});

test("a refused user is told whether a user is missing or wrong", async () => {
  await changing(ActivateSessionResponse, answering(StatusCodes.BadUserAccessDenied), () =>
    refused(rig.client(), "IdentityRefused", /BadUserAccessDenied; .*does not accept anonymous clients.*<username>/),
  );
});

test("a server that lists no endpoint for the URL is told from one that lists others", async () => {
  await changing(GetEndpointsResponse, withoutEndpoints, () =>
    refused(rig.client(), "ConnectionFailed", /lists no endpoint for this URL; .*<server_app_uri>/),
  );
});

test("a server whose nonce the library cannot use is not blamed for closing the connection", async () => {
  await changing(OpenSecureChannelResponse, withLongNonce, () =>
    refused(
      rig.client({ ...rig.secured, policy: "Basic128Rsa15" }),
      "SecurityRefused",
      /because this client cannot use the nonce of 32 bytes .*; choose another <policy>$/,
    ),
  );
});

test("a machine that does not answer at all is told from a port where something else listens", async () => {
  const silent = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  try {
    const of = rig.client({ timeoutMs: 300 }, `opc.tcp://127.0.0.1:${port}`);
    await refused(of, "Timeout", /no answer came within 300 ms; it accepts the connection .*4840 as a rule/);
  } finally {
    silent.close();
  }
});
