import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { imageOf, poll, seen, serverOf } from "./sample-image.ts";

test("the ends of certificates stay in place until they are told anew", () => {
  const { reader, writer } = imageOf(serverOf("A", 0));
  const [a] = writer.blocks;
  a!.show({ connection: ConnectionState.connecting, ownCertificateEndsMs: 2000 });
  a!.show({ connection: ConnectionState.connected, certificateEndsMs: 1000, ownCertificateEndsMs: undefined });
  const { certificateEndsNs, ownCertificateEndsNs } = reader.serverState(0)!;
  assert.deepEqual([certificateEndsNs, ownCertificateEndsNs], [1_000_000_000n, 2_000_000_000n]);
});

test("a failure stays in place until the next one, cut at a whole character", () => {
  const { reader, writer } = imageOf(serverOf("A", 0));
  const [a] = writer.blocks;
  a!.show({ connection: ConnectionState.lost, error: `${"x".repeat(446)}äöü` });
  assert.equal(reader.serverState(0)!.error, `${"x".repeat(446)}ä`);
  assert.ok(reader.serverState(0)!.errorNs > 0n);
  a!.show({ connection: ConnectionState.connected });
  assert.equal(reader.serverState(0)!.error, `${"x".repeat(446)}ä`);
  a!.show({ connection: ConnectionState.lost, error: "kürzer" });
  assert.equal(reader.serverState(0)!.error, "kürzer");
});

test("what is shown already is not published again, and the time of a change is the change's", () => {
  const { reader, writer } = imageOf(serverOf("A", 0));
  const [a] = writer.blocks;
  a!.show({ connection: ConnectionState.connected });
  const { publications } = reader;
  const { changedNs } = reader.serverState(0)!;
  a!.show({ connection: ConnectionState.connected, certificateEndsMs: undefined });
  assert.equal(reader.publications, publications);
  a!.show({ connection: ConnectionState.connected, certificateEndsMs: 1 });
  assert.equal(reader.publications, publications + 1);
  assert.equal(reader.serverState(0)!.changedNs, changedNs, "it was connected before");
  a!.show({ connection: ConnectionState.lost });
  assert.ok(reader.serverState(0)!.changedNs > changedNs);
});

test("a server that is lost marks the points of all its groups and leaves their values", () => {
  const { points, ...group } = serverOf("A", 0).groups[0]!;
  const second = { ...group, name: "slow", points: points.map((point) => ({ ...point, key: "other" })) };
  const { reader, writer, blocks } = imageOf({ ...serverOf("A", 0), groups: [{ ...group, points }, second] });
  for (const block of blocks) poll(block, (sink) => sink.setNumber(0, 11, 1.5));
  writer.blocks[0]!.showEverywhere({ connection: ConnectionState.lost, error: "gone" }, StatusCode.BadNoCommunication);
  assert.equal(reader.serverState(0)!.connection, ConnectionState.lost);
  for (const index of [0, 1]) {
    const { connection } = seen(reader, index);
    const { value, status } = seen(reader, index).reading(0);
    assert.deepEqual([connection, value, status], [ConnectionState.lost, 1.5, StatusCode.BadNoCommunication]);
  }
});
