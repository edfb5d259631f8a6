// There is no code that writes to a plant: said of what is shipped, built anew for this test. The simulator is left out: it is the plant.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "cpc-built-"));
const packages = join(folder, "packages");
/** Text of every file that runs in a partition, by package and path in it. */
const texts = new Map<string, string>();

before(async () => {
  await promisify(execFile)(join(root, "scripts/build"), [folder]);
  for (const name of readdirSync(packages)) {
    if (name === "simulator") continue;
    const built = join(packages, name, "dist");
    for (const file of readdirSync(built, { recursive: true, encoding: "utf8" }))
      if (file.endsWith(".js")) texts.set(join(name, file), readFileSync(join(built, file), "utf8"));
  }
  assert.ok(texts.size > 100, `${texts.size} files`);
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** What is found in the text, without repetition, in order. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set(Array.from(text.matchAll(pattern), ([match]) => match))].toSorted();
}

function filesWith(pattern: RegExp): string[] {
  return [...texts].flatMap(([name, text]) => (pattern.test(text) ? [name] : [])).toSorted();
}

/** Requests by name, and the methods of node-opcua's sessions and clients that would send one that changes something. */
const requests = /\b[A-Z]\w*Request\b/g;
const changes =
  /(?:ession\w*\??)\.call\s*\(|\.(?:write(?!U?Int|BigU?Int|Float|Double)\w*|call\w+|history\w*|add(?:Nodes|References)|delete\w+s|registerNodes|unregisterNodes|create(?:Subscription|Monitored)\w*|set(?:Publishing|Monitoring)Mode|acknowledge\w*|confirm\w*|performCall\w*)\s*\(/g;

function usesNodeOpcUa(text: string): boolean {
  return /(?:from|import|require)\s*\(?\s*["']node-opcua/.test(text);
}

test("of all OPC UA requests the package names those that connect, browse, read and subscribe, and no others", () => {
  const names = [...texts.values()].filter(usesNodeOpcUa).flatMap((text) => found(text, requests));
  assert.deepEqual([...new Set(names)].toSorted(), [
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
    "OpenSecureChannelRequest",
    "PublishRequest",
    "ReadRequest",
    "RepublishRequest",
    "TransferSubscriptionsRequest",
    "TranslateBrowsePathsToNodeIdsRequest",
  ]);
});

test("node-opcua is known to the sessions alone, never as a whole, and none of its writing methods is called", () => {
  const users = [...texts].filter(([, text]) => usesNodeOpcUa(text));
  assert.ok(users.length > 5);
  for (const [name, text] of users) {
    assert.match(name, /^partition\/protocols\/opcua\//);
    assert.doesNotMatch(text, /import \* as|import\(["']node-opcua|\brequire\(/, name);
    // Into the bytes of a Read request, no other.
    const encodes = name === "partition/protocols/opcua/channel/repeated-read.js" ? [".writeArrayBuffer("] : [];
    assert.deepEqual(found(text, changes), encodes, name);
  }
});

test("what would write is found by these patterns", () => {
  const planted = `await session.writeSingleNode(id, value); session.call (method); new HistoryUpdateRequest(); s.write({});`;
  assert.deepEqual(found(planted, requests), ["HistoryUpdateRequest"]);
  assert.deepEqual(found(planted, changes), [".write(", ".writeSingleNode(", "ession.call ("]);
});

test("one file opens connections to devices and one to IPv6 servers, one line of each kind of session sends to devices, and only the monitor listens", () => {
  const dialling = ["partition/protocols/modbus/connection/dial.js", "partition/protocols/opcua/channel/transport.js"];
  assert.deepEqual(filesWith(/\bconnect\b[^;]*from ["']node:(?:net|tls)["']/), dialling);
  const own = texts.get("partition/protocols/opcua/channel/transport.js") ?? assert.fail();
  assert.doesNotMatch(own, /\.(?:write|end|pipe)\(/);
  assert.deepEqual(
    filesWith(
      /["'](?:node:)?(?:http|https|http2|dgram|inspector)["']|\bcreateServer\b|\bServer\b[^;]*from ["']node:|["']fastify["']/,
    ),
    ["monitor/http/server.js"],
  );
  for (const [name, text] of texts)
    if (name.startsWith("monitor/")) assert.doesNotMatch(text, /(?:from|import) ?\(?["']cpc-partition/, name);
  const sending = [...texts].filter(([name]) => name.startsWith("partition/protocols/modbus/"));
  const lines = sending.flatMap(([name, text]) =>
    Array.from(text.matchAll(/\b\w+\.(?:(?:write|pipe)\(|end\([^)]).*/g), ([line]) => `${name}: ${line}`),
  );
  // The line below TLS passes on what TLS makes of a request, and ends.
  assert.deepEqual(lines.toSorted(), [
    "partition/protocols/modbus/connection/metered-line.js: socket.end(done);",
    "partition/protocols/modbus/connection/metered-line.js: socket.write(chunk, done);",
    "partition/protocols/modbus/connection/rtu-session.js: socket.write(frame);",
    "partition/protocols/modbus/connection/tcp-session.js: socket.write(request.bytes);",
  ]);
});

interface BuiltPdu {
  readonly encodeRequest: (target: DataView, offset: number, range: object) => void;
}

test("of all 256 Modbus function codes the built codec encodes 1 to 4", async () => {
  const file = pathToFileURL(join(packages, "partition/dist/protocols/modbus/pdu.js")).href;
  const { encodeRequest } = (await import(file)) as BuiltPdu;
  const encoded: number[] = [];
  for (let functionCode = 0; functionCode <= 255; functionCode++) {
    const bytes = Buffer.alloc(16);
    try {
      encodeRequest(new DataView(bytes.buffer, bytes.byteOffset), 0, { functionCode, address: 0, quantity: 1 });
      encoded.push(bytes.readUInt8(0));
    } catch (error) {
      assert.ok(error instanceof RangeError);
      assert.ok(
        bytes.every((byte) => byte === 0),
        `function code ${functionCode} left bytes behind`,
      );
    }
  }
  assert.deepEqual(encoded, [1, 2, 3, 4]);
});

test("function codes are put into a request in one place", () => {
  const writers = [...texts].filter(
    ([name, text]) => name.startsWith("partition/protocols/modbus/") && /setUint8\([^)]*[fF]unction/.test(text),
  );
  assert.deepEqual(
    writers.map(([name]) => name),
    ["partition/protocols/modbus/pdu.js"],
  );
});
