// Runs the partition on a simulated plant, first alone and then beside consumers that mean harm, and notes what each side could see: the servers, the
// kernel, the file system and the engine.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Lifetime } from "../image/posix/own-objects.ts";
import { Sandbox, type Child } from "../partition/commands/cpc.ts";
import { connectionKey } from "../plant/modbus-plant.ts";
import { compiled, recording, unwanted } from "./compiled-code.ts";
import { attacks, services } from "./consumer-attacks.ts";
import { startRecordedPlant, type RecordedPlant } from "./recorded-plant.ts";
import { connectedPorts, listeningSockets } from "./sockets.ts";

/** What one server was asked in one part of the run. */
export interface Asked {
  readonly server: string;
  readonly polls: number;
  readonly requests: number;
  /** Of one poll, when all are the same. */
  readonly requestsOfPoll: number;
  readonly bytesOfPoll: number;
  /** SHA-256 over the requests of a poll, what counts up left out; one for each kind of poll that there was. */
  readonly polls256: readonly string[];
  /** New ones in this part. */
  readonly connections: number;
}

export interface ProcessSockets {
  readonly name: string;
  readonly listening: readonly string[];
  readonly connections: number;
  /** Connections that lead to no server of the configuration. */
  readonly strayConnections: number;
}

export interface ObjectModes {
  readonly kind: "shared memory" | "semaphore" | "private key" | "certificate or list";
  readonly name: string;
  readonly mode: string;
  readonly owner: string;
}

export interface Evidence {
  readonly alone: readonly Asked[];
  readonly besideHarm: readonly Asked[];
  readonly attacks: readonly string[];
  readonly services: Readonly<Record<string, number>>;
  readonly functionCodes: Readonly<Record<string, number>>;
  readonly sockets: readonly ProcessSockets[];
  readonly objects: readonly ObjectModes[];
  readonly loadedRequests: readonly string[];
  readonly loadedPackages: number;
  readonly unwantedPackages: readonly string[];
}

/** Polls of every server alone, and as many after each attack. */
export async function gatherEvidence(t: Lifetime, pollsEach: number): Promise<Evidence> {
  const sandbox = new Sandbox(t);
  const plant = await startRecordedPlant(t, sandbox, { policy: "SecurityPolicyBasic256Sha256", mode: "Sign" });
  const scripts = join(sandbox.folder, "scripts");
  const files = ["--opcua", plant.writeOpcUa(), "--modbus", plant.writeModbus()];
  const certificates = plant.certificatesDirectory;
  const run = sandbox.runIn({ env: recording(scripts) }, ...files, "--certificates", certificates);
  await run.until(
    "values are published",
    () =>
      sandbox.value("OPC UA Connections:Abfüllanlage", "opcua_shm") === true &&
      sandbox.value(connectionKey("Ecotec")) === true,
  );
  const watched = new WatchedPlant(plant, run);
  await watched.polls("it settles", 3);
  watched.settle();

  const beforeAlone = watched.mark();
  await watched.polls("nobody does harm", pollsEach);
  const beforeHarm = watched.mark();
  const alone = watched.asked(beforeAlone, beforeHarm);
  for (const [name, attack] of Object.entries(attacks)) {
    for (const service of services) attack(sandbox, service);
    await watched.polls(`a consumer ${name}`, pollsEach);
  }
  const besideHarm = watched.asked(beforeHarm, watched.mark());
  await run.until("documents are whole again", () => sandbox.value(connectionKey("Ecotec")) === true);

  const sockets = socketsOf(
    run.processId,
    [plant.opcua, ...plant.modbus].map(({ port }) => port),
  );
  const objects = [...objectsIn(sandbox), ...filesBelow(certificates)];
  await run.end();
  const { packages, requests } = compiled(scripts);
  return {
    alone,
    besideHarm,
    attacks: Object.keys(attacks),
    services: counted(plant.opcua.requests.map(({ service }) => service)),
    functionCodes: counted(
      plant.modbus.flatMap((proxy) => proxy.requests.map(({ functionCode }) => String(functionCode))),
    ),
    sockets,
    objects,
    loadedRequests: requests,
    loadedPackages: packages.size,
    unwantedPackages: [...packages].filter((name) => unwanted.test(name)),
  };
}

/** For each server: how many requests there were, and how many connections. */
type Mark = readonly { readonly requests: number; readonly connections: number }[];

interface Recorded {
  readonly name: string;
  readonly connections: () => number;
  /** What is the same in every poll of the same values, and the bytes on the wire. */
  readonly requests: () => readonly { readonly text: string; readonly bytes: number }[];
}

class WatchedPlant {
  readonly #run: Child;
  readonly #servers: readonly Recorded[];
  /** For each server: where its polls begin, and how many requests a poll has. */
  #plans: readonly { readonly first: number; readonly length: number }[] = [];

  constructor({ opcua, modbus }: RecordedPlant, run: Child) {
    this.#run = run;
    const devices = modbus.map((proxy, index) => ({
      name: `Modbus device ${index + 1}`,
      connections: () => proxy.connections,
      requests: () => proxy.requests.map(({ text }) => ({ text, bytes: 2 + text.length / 2 })),
    }));
    const server = {
      name: "OPC UA server",
      connections: () => opcua.connections,
      requests: () =>
        opcua.requests.map(({ service, sizeBytes }) => ({ text: `${service} ${sizeBytes}`, bytes: sizeBytes })),
    };
    this.#servers = [server, ...devices];
  }

  /** Finds where polls begin: on a device with the first request, on the server after what sets up the session. */
  settle(): void {
    this.#plans = this.#servers.map(({ requests }) => {
      const texts = requests().map(({ text }) => text);
      const last = texts.at(-1) ?? "";
      const first = last.startsWith("Read ") ? texts.indexOf(last) : 0;
      const again = texts.indexOf(texts[first] ?? "", first + 1);
      return { first, length: again - first };
    });
  }

  /** Waits for so many more polls of every server. */
  async polls(what: string, count: number): Promise<void> {
    const before = this.#servers.map(({ requests }) => requests().length);
    await this.#run.until(`every server is read while ${what}`, () =>
      this.#servers.every(
        ({ requests }, index) =>
          requests().length >= (before[index] ?? 0) + count * Math.max(1, this.#plans[index]?.length ?? 1),
      ),
    );
  }

  /** Between two polls of each server. */
  mark(): Mark {
    return this.#servers.map(({ requests, connections }, index) => {
      const { first, length } = this.#plans[index] ?? { first: 0, length: 1 };
      const whole = Math.floor((requests().length - first) / length);
      return { requests: first + whole * length, connections: connections() };
    });
  }

  asked(from: Mark, to: Mark): readonly Asked[] {
    return this.#servers.map(({ name, requests }, index) => {
      const [begin, end] = [from[index], to[index]];
      const length = this.#plans[index]?.length ?? 1;
      const part = requests().slice(begin?.requests, end?.requests);
      const polls = Array.from({ length: part.length / length }, (_, poll) =>
        part.slice(poll * length, (poll + 1) * length),
      );
      const digest = (poll: typeof part): string =>
        createHash("sha256")
          .update(poll.map(({ text }) => text).join("\n"))
          .digest("hex");
      return {
        server: name,
        polls: polls.length,
        requests: part.length,
        requestsOfPoll: length,
        bytesOfPoll: (polls[0] ?? []).reduce((sum, { bytes }) => sum + bytes, 0),
        polls256: [...new Set(polls.map(digest))],
        connections: (end?.connections ?? 0) - (begin?.connections ?? 0),
      };
    });
  }
}

/** Of the partition and of the documents process that it started. */
function socketsOf(processId: number, serverPorts: readonly number[]): readonly ProcessSockets[] {
  const children = readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8").trim();
  const processes = [
    { name: "partition", id: processId },
    ...(children === "" ? [] : children.split(" ").map((id) => ({ name: "documents process", id: Number(id) }))),
  ];
  return processes.map(({ name, id }) => {
    const ports = connectedPorts(id);
    return {
      name,
      listening: listeningSockets(id),
      connections: ports.length,
      strayConnections: ports.filter((port) => !serverPorts.includes(port)).length,
    };
  });
}

function modesOf(kind: ObjectModes["kind"], name: string, path: string): ObjectModes {
  const { mode, uid, gid } = statSync(path);
  return { kind, name, mode: (mode & 0o7777).toString(8).padStart(4, "0"), owner: `${uid}:${gid}` };
}

function objectsIn(sandbox: Sandbox): readonly ObjectModes[] {
  return sandbox
    .objects()
    .toSorted()
    .map((name) =>
      modesOf(
        name.startsWith("sem.") ? "semaphore" : "shared memory",
        name.replace(sandbox.prefix, ""),
        `/dev/shm/${name}`,
      ),
    );
}

function filesBelow(certificates: string): readonly ObjectModes[] {
  return readdirSync(certificates, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((path) => {
      const kind = readFileSync(path).includes("PRIVATE KEY") ? "private key" : "certificate or list";
      return modesOf(kind, path.slice(certificates.length + 1), path);
    });
}

function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
