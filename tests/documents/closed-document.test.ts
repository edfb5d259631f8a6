import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { closedDocument } from "../../packages/documents/src/closed-document.ts";
import { ConsumerPair } from "../../packages/documents/src/consumer-pair.ts";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import { ownPrefix } from "../image/posix/own-objects.ts";
import { modbusServer, Rendering } from "./documents.ts";

test("the document of a service that reads nothing is the one that is rendered when every server has stopped", () => {
  const servers = [modbusServer("A", "x"), modbusServer('ü"\\', "y")];
  const rendering = new Rendering("modbus", ...servers);
  for (const index of servers.keys()) rendering.show(index, ConnectionState.stopped);
  const connections = servers.map(({ connection }) => connection);
  assert.equal(Buffer.from(closedDocument(connections)).toString("utf8"), rendering.text());
});

test("a farewell that does not fit leaves the segment empty, not with half a document", (t) => {
  const [names] = consumerPairNames("modbus", [], ownPrefix(t));
  using pair = ConsumerPair.create(names!, 64);
  const text = (): string => readFileSync(`/dev/shm/${names!.segmentName}`, "utf8").replace(/\0+$/, "");
  pair.overwrite(Buffer.from(`{"a":${"1".repeat(58)}}`));
  assert.equal(text().length, 64);
  pair.overwrite(Buffer.from(`{"a":${"1".repeat(59)}}`));
  assert.equal(text(), "");
});
