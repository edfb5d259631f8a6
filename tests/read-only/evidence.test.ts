// The short form of `npm run evidence`: whatever a consumer does to the objects that it can write to, the plant does not notice. And the judge finds
// what would speak against it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evidencePage } from "./evidence-page.ts";
import { gatherEvidence, type Asked, type Evidence } from "./gather-evidence.ts";
import { judgeEvidence } from "./judge-evidence.ts";
import { connectingAndReading } from "./recorded-plant.ts";

test(
  "a malicious consumer changes no request that the plant gets, and every claim holds",
  { timeout: 200_000 },
  async (t) => {
    const polls = 3;
    const evidence = await gatherEvidence(t, polls);
    const claims = judgeEvidence(evidence);
    assert.deepEqual(
      claims.flatMap(({ against }) => against),
      [],
    );
    assert.deepEqual(Object.keys(evidence.services), connectingAndReading);
    assert.deepEqual(Object.keys(evidence.functionCodes), ["1", "2", "3", "4"]);
    assert.equal(evidence.alone.length, 3);
    assert.ok(evidence.alone.some(({ requestsOfPoll }) => requestsOfPoll > 3));
    for (const { server, polls: seen } of evidence.besideHarm)
      assert.ok(seen >= polls * evidence.attacks.length - 1, `${server}: ${seen} polls`);
    assert.deepEqual(
      evidence.sockets.map(({ name, connections }) => [name, connections]),
      [
        ["partition", 3],
        ["documents process", 0],
      ],
    );
    assert.ok(evidence.objects.some(({ kind }) => kind === "private key"));
    const page = evidencePage(evidence, claims, { ...circumstances, version: "1.2.3" });
    assert.match(page, /^# Evidence: cpc-partition 1\.2\.3 only reads\n[^]*\*\*All 7 claims held\.\*\*/);
  },
);

const circumstances = { version: "0", commit: "0", date: "now", command: "npm run evidence", software: {} };

const asked: Asked = {
  server: "device",
  polls: 2,
  requests: 4,
  requestsOfPoll: 2,
  bytesOfPoll: 24,
  polls256: ["ab"],
  connections: 0,
};

const sound: Evidence = {
  alone: [asked],
  besideHarm: [asked],
  attacks: [],
  services: { Read: 3 },
  functionCodes: { 3: 4 },
  sockets: [{ name: "partition", listening: [], connections: 1, strayConnections: 0 }],
  objects: [
    { kind: "shared memory", name: "modbus_image", mode: "0640", owner: "1:1" },
    { kind: "shared memory", name: "modbus_shm", mode: "0660", owner: "1:1" },
    { kind: "private key", name: "own.pem", mode: "0600", owner: "1:1" },
  ],
  loadedRequests: ["ReadRequest"],
  loadedPackages: 1,
  unwantedPackages: [],
};

test("what speaks against a claim is found, each on its own, and the page says so", () => {
  assert.deepEqual(
    judgeEvidence(sound).flatMap(({ against }) => against),
    [],
  );
  const object = sound.objects[0] ?? assert.fail();
  const spoiled: readonly (readonly [Partial<Evidence>, string])[] = [
    [{ services: { Read: 3, Write: 1 } }, "service Write"],
    [{ functionCodes: { 3: 4, 16: 1 } }, "function code 16"],
    [{ besideHarm: [{ ...asked, polls256: ["ab", "cd"] }] }, "device: 2 kinds of polls"],
    [{ besideHarm: [{ ...asked, polls256: ["cd"] }] }, "device: 2 kinds of polls"],
    [{ besideHarm: [{ ...asked, connections: 1 }] }, "device: 1 new connections"],
    [
      { sockets: [{ name: "partition", listening: ["tcp 1"], connections: 1, strayConnections: 0 }] },
      "partition listens: tcp 1",
    ],
    [
      { sockets: [{ name: "partition", listening: [], connections: 2, strayConnections: 1 }] },
      "partition: 1 other connections",
    ],
    [{ objects: [{ ...object, mode: "0660" }] }, "modbus_image (0660): the group may write it"],
    [{ objects: [{ ...object, mode: "0644" }] }, "modbus_image (0644): everybody has access"],
    [
      { objects: [{ ...object, kind: "private key", mode: "0640" }] },
      "modbus_image (0640): others than the owner may read it",
    ],
    [{ loadedRequests: ["ReadRequest", "WriteRequest"] }, "class WriteRequest"],
    [{ unwantedPackages: ["node-opcua-server"] }, "package node-opcua-server"],
  ];
  for (const [part, expected] of spoiled) {
    const evidence = { ...sound, ...part };
    const claims = judgeEvidence(evidence);
    assert.deepEqual(
      claims.flatMap(({ against }) => against),
      [expected],
    );
    const page = evidencePage(evidence, claims, circumstances);
    assert.match(page, /1 of 7 claims DID NOT HOLD/);
    assert.ok(page.includes(`| NO | ${expected} |`), expected);
  }
});
