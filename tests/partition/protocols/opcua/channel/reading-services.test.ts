// Nothing but reading leaves, whoever asks: every other service is refused before it reaches the wire.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import * as nodeOpcUa from "node-opcua-client";
import type { Request } from "node-opcua-client";
import {
  allowOnlyReading,
  ServiceNotAllowedError,
} from "../../../../../packages/partition/src/protocols/opcua/channel/reading-services.ts";
import { SecureSession } from "../../../../../packages/partition/src/protocols/opcua/secure-session.ts";
import { addConstant, nodeNamed } from "../../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../../plant/opcua-rig.ts";

const { AttributeIds, ClientSecureChannelLayer, DataType, MessageSecurityMode, SecurityPolicy, Variant } = nodeOpcUa;

const reading = [
  "ActivateSessionRequest",
  "BrowseNextRequest",
  "BrowseRequest",
  "CloseSessionRequest",
  "CreateMonitoredItemsRequest",
  "CreateSessionRequest",
  "CreateSubscriptionRequest",
  "DeleteMonitoredItemsRequest",
  "DeleteSubscriptionsRequest",
  "GetEndpointsRequest",
  "PublishRequest",
  "ReadRequest",
  "RepublishRequest",
  "TransferSubscriptionsRequest",
  "TranslateBrowsePathsToNodeIdsRequest",
];
/** They would change what a subscription has, or who gets it: nothing of ours needs that. */
const changing = [
  "ModifyMonitoredItemsRequest",
  "ModifySubscriptionRequest",
  "SetMonitoringModeRequest",
  "SetPublishingModeRequest",
];

/** Names of the requests that the server got, on any channel. */
const arrived: string[] = [];

const rig = new OpcUaRig({
  policies: [],
  build: (server) => {
    addConstant(server, "Value", new Variant({ dataType: DataType.Double, value: 1 }));
    server.on("request", (request: object) => arrived.push(request.constructor.name));
  },
  client: { nodes: [nodeNamed("Value")] },
});

beforeEach(() => {
  arrived.length = 0;
});

/** Every kind of request that node-opcua's client can encode. */
function everyRequest(): Request[] {
  return Object.entries(nodeOpcUa).flatMap(([name, value]) => {
    if (!name.endsWith("Request") || typeof value !== "function") return [];
    const request = new (value as unknown as new () => Request)();
    return "requestHeader" in request ? [request] : [];
  });
}

async function openChannel(): Promise<InstanceType<typeof ClientSecureChannelLayer>> {
  const channel = new ClientSecureChannelLayer({
    connectionStrategy: { maxRetry: 0 },
    securityMode: MessageSecurityMode.None,
    securityPolicy: SecurityPolicy.None,
    transportTimeout: 60_000,
    defaultTransactionTimeout: 60_000,
  });
  await new Promise<void>((resolve, reject) => {
    channel.create(rig.url, (error) => (error ? reject(error) : resolve()));
  });
  return channel;
}

function send(channel: InstanceType<typeof ClientSecureChannelLayer>, request: Request): Promise<Error | null> {
  return new Promise((resolve) => {
    channel.performMessageTransaction(request, (error) => resolve(error));
  });
}

test("of all requests that could be encoded, a guarded channel sends those that read or subscribe, and no others", async () => {
  const channel = await openChannel();
  allowOnlyReading(channel);
  const refused: string[] = [];
  for (const request of everyRequest()) {
    const error = await send(channel, request);
    if (error instanceof ServiceNotAllowedError) refused.push(request.constructor.name);
  }
  for (const name of ["WriteRequest", "CallRequest", "HistoryUpdateRequest", ...changing]) {
    assert.ok(refused.includes(name), name);
  }
  assert.equal(refused.length + reading.length, everyRequest().length);
  assert.deepEqual(arrived.toSorted(), reading);
  channel.dispose();
});

test("without the guard a write would arrive", async () => {
  const channel = await openChannel();
  await send(channel, new nodeOpcUa.WriteRequest());
  assert.ok(arrived.includes("WriteRequest"), arrived.join());
  channel.dispose();
});

test("no session of a client can write, call or register, and one whose nodes are polled does not subscribe", async (context) => {
  const reads = context.mock.method(SecureSession.prototype, "read");
  const client = await rig.connected();
  const used = reads.mock.calls[0]?.this;
  assert.ok(used instanceof SecureSession);
  const session = used.nodeOpcUaSession;
  const value = new Variant({ dataType: DataType.Double, value: 2 });
  const attempts = [
    session.write({ nodeId: "ns=1;s=Value", attributeId: AttributeIds.Value, value: { value } }),
    session.call({ objectId: "ns=0;i=2253", methodId: "ns=0;i=11492", inputArguments: [] }),
    session.registerNodes(["ns=1;s=Value"]),
  ];
  for (const attempt of attempts) await assert.rejects(attempt, { code: "ServiceNotAllowed" });
  const sink = await polled(client);
  assert.equal(sink.values.get(0)?.value, 1);
  await client.disconnect();
  const wanted = ["ActivateSession", "CloseSession", "CreateSession", "GetEndpoints", "Read"];
  assert.deepEqual(
    [...new Set(arrived)].toSorted(),
    wanted.map((name) => `${name}Request`),
  );
});
