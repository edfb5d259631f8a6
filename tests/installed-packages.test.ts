// What an installation of each package brings along, as the lock file says. A program that only looks must not bring what could touch the
// plant, and one that touches the plant must not bring a server.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

interface LockedPackage {
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

const root = join(import.meta.dirname, "..");
const locked = (
  JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  }
).packages;

/** Where Node finds `name` from a place in the tree: the nearest node_modules up from there. */
function find(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.replace(/\/?[^/]*$/, "")) {
    const place = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (locked[place] !== undefined) return place;
    if (folder === "") return undefined;
  }
}

/** An optional dependency for another platform. */
function isForeign(place: string): boolean {
  const { os = [process.platform], cpu = [process.arch] } = locked[place] ?? {};
  return !os.includes(process.platform) || !cpu.includes(process.arch);
}

/** Names of everything that is installed for production with a package of ours, our own packages among them. */
function installedWith(packageFolder: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const names = new Set<string>();
  const visit = (place: string): void => {
    if (seen.has(place)) return;
    seen.add(place);
    const { dependencies = {}, optionalDependencies = {}, link, resolved = "" } = locked[place] ?? assert.fail(place);
    if (link === true) return visit(resolved);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = find(name, place);
      if (found === undefined || isForeign(found)) continue;
      names.add(name);
      visit(found);
    }
  };
  visit(`packages/${packageFolder}`);
  return names;
}

/** OPC UA servers, HTTP servers, and clients of brokers. */
const servers =
  /^(?:node-opcua|node-opcua-server.*|node-opcua-address-space|express|fastify|@fastify\/.*|koa|hono|@hapi\/.*|ws|mqtt|aedes|nats|@nats-io\/.*|kafkajs|@platformatic\/.*)$/;

test("the partition brings no server of any kind, and no client of a broker", (t) => {
  const names = installedWith("partition");
  t.diagnostic(`${names.size} packages`);
  assert.ok(names.has("node-opcua-client") && names.size > 50);
  assert.deepEqual(
    [...names].filter((name) => servers.test(name)),
    [],
  );
  assert.equal(names.has("@cpc-partition/simulator"), false);
  assert.match([...installedWith("simulator")].join(" "), /\bnode-opcua-server\b/, "the pattern finds what there is");
});

test("a program that reads images brings koffi and nothing of a protocol", (t) => {
  const names = [...installedWith("image")];
  t.diagnostic(names.join(", "));
  assert.deepEqual(
    names.filter((name) => !name.startsWith("@koromix/koffi-")),
    ["koffi"],
  );
});

test("the monitor, the bridge, documents and what every program shares bring nothing of a protocol", () => {
  for (const folder of ["process", "documents", "monitor", "bridge"])
    assert.deepEqual(
      [...installedWith(folder)].filter((name) => /opcua|modbus|x509|libxml2/.test(name)),
      [],
      folder,
    );
});
