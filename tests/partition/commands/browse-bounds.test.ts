// `cpc browse` before servers that are nested deep, have more than one message takes, keep few places to continue at, or never come to an end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BrowseNextResponse, BrowseResponse, DataType, NodeId, StatusCodes, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { OpcUaRig } from "../../plant/opcua-rig.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };
const levels = 3000;
const wideNodes = 60;
/** Of a server that would give them for ever: the test is to end where nobody else stops. */
const mostPages = 1500;

function build(server: OPCUAServer): void {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  const namespace = addressSpace.registerNamespace("urn:plant:nested");
  const { objects } = addressSpace.rootFolder;
  const id = (name: string) => new NodeId(NodeId.NodeIdType.STRING, name, namespace.index);
  type Folder = ReturnType<typeof namespace.addObject>;
  const folder = (name: string, parent: Folder, displayName = name): Folder =>
    namespace.addObject({ browseName: name, displayName, nodeId: id(name), organizedBy: parent });
  const variable = (name: string, parent: Folder): void => {
    const value = new Variant({ dataType: DataType.UInt16, value: 7 });
    namespace.addVariable({ browseName: name, nodeId: id(name), organizedBy: parent, dataType: "UInt16", value });
  };
  let deepest = folder("Chain", objects);
  variable("Top", deepest);
  for (let level = 1; level <= levels; level++) deepest = folder(`Level${level}`, deepest);
  variable("Bottom", deepest);
  const wide = folder("Wide", objects);
  for (let number = 0; number < wideNodes; number++) variable(`w${number}`, folder(`Wide${number}`, wide));
  // 60 names of 100,000 characters: more than 4 MiB.
  const long = folder("Long", objects);
  for (let number = 0; number < wideNodes; number++) folder(`Long${number}`, long, `${number}`.padEnd(100_000, "long"));
  variable("Short", long);
}

const rig = new OpcUaRig({ build, policies: [] });
const below = (name: string) => ["browse", rig.url, "--policy", "None", "--from", `ns=2;s=${name}`] as const;

test(
  "a chain of 3,000 nodes is shown to a depth of 100, and further from the node that is named",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const [message, deeper = ""] = await shown(sandbox, "Chain");
    assert.equal(
      message,
      "what is below ns=2;s=Level100 is left out because they lie deeper than 100 levels; begin there with --from",
    );
    assert.equal(deeper, "Level100");
    const [, deepest] = await shown(sandbox, deeper);
    assert.equal(deepest, "Level200");
    const xml = await sandbox.ran(...below("Chain"), "--xml");
    assert.equal(xml.code, 0, xml.stderr);
    assert.match(xml.stdout, /<Identifier>Top<\/Identifier>/);
    const filtered = await sandbox.ran(...below("Chain"), "--filter", "*Top*");
    assert.equal(filtered.code, 0, filtered.stderr);
    const last = await sandbox.ran(...below(`Level${levels - 99}`));
    assert.equal(last.code, 0, last.stderr);
    assert.match(last.stdout, /Bottom {2}UInt16 {2}7/);
    assert.doesNotMatch(last.stderr, /left out/);
  },
);

async function shown(sandbox: Sandbox, from: string): Promise<readonly string[]> {
  const { stderr } = await sandbox.ran(...below(from));
  const message = stderr.split("\n").find((line) => line.includes("left out")) ?? stderr;
  return [message, /below ns=2;s=(\S+)/.exec(message)?.[1] ?? ""];
}

test("a server that gives pages for ever is left, and what it did tell is shown", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  let pages = 0;
  const { code, stdout, stderr } = await rig.during(
    "response",
    (message) => {
      if (message instanceof BrowseNextResponse) pages++;
      if (pages < mostPages) endless(message);
    },
    () => sandbox.ran(...below("Wide59")),
  );
  assert.equal(code, 0, stderr);
  assert.ok(pages <= 1000, `${pages} pages`);
  assert.match(stdout, /^w59 {2}UInt16/m);
  assert.match(
    stderr,
    /^what is below 2 nodes is left out because the server goes on giving pages with nothing new; begin at the first, ns=2;s=Wide59, with --from$/m,
  );
});

test(
  "a server that takes few nodes in a request and keeps few continuation points is read whole",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { operationLimits } = rig.server.engine.serverCapabilities;
    const { maxNodesPerBrowse } = operationLimits;
    t.after(() => Object.assign(operationLimits, { maxNodesPerBrowse }));
    Object.assign(operationLimits, { maxNodesPerBrowse: 7 });
    const { code, stdout, stderr } = await rig.during("response", forTwoNodes, () => sandbox.ran(...below("Wide")));
    assert.equal(code, 0, stderr);
    assert.equal(stdout.split("\n").filter((line) => / {2}w\d+ {2}UInt16/.test(line)).length, wideNodes);
    assert.doesNotMatch(stderr, /left out/);
  },
);

test("references that one message does not take come in pages", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { code, stdout, stderr } = await sandbox.ran(...below("Long"));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Short {2}UInt16/m);
  assert.equal(stdout.split("\n").filter((line) => line.includes("longlong")).length, wideNodes);
});

test("names without end are refused in words", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { code, stderr } = await rig.during("response", longer, () => sandbox.ran(...below("Wide"), "--most", "1000"));
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^cannot browse \S+ because its names, descriptions and types have more than 10000000 characters/m,
  );
});

/** Every page has a next one, and that is empty. */
function endless(message: unknown): void {
  const { results } = message as { results?: { continuationPoint?: Buffer | null; references?: unknown }[] | null };
  if (!/^Browse(Next)?Response$/.test((message as object).constructor.name)) return;
  for (const result of results ?? []) result.continuationPoint = Buffer.from("more");
  if (!(message instanceof BrowseNextResponse)) return;
  for (const result of message.results ?? []) Object.assign(result, { statusCode: StatusCodes.Good, references: [] });
}

/** Browse names of 300,000 characters. */
function longer(message: unknown): void {
  const { results } = message as { results?: { references?: { browseName?: { name: string } }[] | null }[] | null };
  if (!/^Browse(Next)?Response$/.test((message as object).constructor.name)) return;
  for (const { references } of results ?? [])
    for (const { browseName } of references ?? []) if (browseName !== undefined) browseName.name = "b".repeat(300_000);
}

/** Of more than two nodes in a request the server has no place to continue at. */
function forTwoNodes(message: unknown): void {
  if (!(message instanceof BrowseResponse)) return;
  for (const result of message.results?.slice(2) ?? [])
    Object.assign(result, { statusCode: StatusCodes.BadNoContinuationPoints, references: null });
}
