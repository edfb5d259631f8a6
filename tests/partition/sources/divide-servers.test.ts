import assert from "node:assert/strict";
import { test } from "node:test";
import { Division, threadsFor, type ServerDemand } from "../../../packages/partition/src/sources/divide-servers.ts";

interface Server {
  readonly demand: ServerDemand;
}

function onLine(line: string, requestsPerSecond: number): Server {
  const load = 60e-6 * requestsPerSecond;
  return { demand: { line, pollsPerSecond: requestsPerSecond, requestsPerSecond, valuesPerSecond: 0, load } };
}

function lines(count: number, requestsPerSecond: number): readonly Server[] {
  return Array.from({ length: count }, (_, number) => onLine(`line ${number}`, requestsPerSecond));
}

function demandsOf(servers: readonly Server[]): readonly ServerDemand[] {
  return servers.map(({ demand }) => demand);
}

test("a service has one thread until its work is more than one can be expected to do", () => {
  assert.equal(threadsFor([], 8), 1);
  assert.equal(threadsFor(demandsOf(lines(100, 10)), 8), 1, "1,000 requests a second");
  const million = Array.from({ length: 10 }, (_, number) => ({
    line: `line ${number}`,
    pollsPerSecond: 10,
    requestsPerSecond: 800,
    valuesPerSecond: 100_000,
    load: 0.068,
  }));
  assert.equal(threadsFor(million, 8), 2, "more than 60 % of a core");
});

test("there are no more threads than processors or connections", () => {
  assert.equal(threadsFor(demandsOf(lines(100, 10_000)), 4), 4);
  assert.equal(threadsFor(demandsOf(lines(3, 10_000)), 8), 3);
  assert.equal(threadsFor(demandsOf(lines(100, 100_000)), 64), 16);
  const asked = new Division(8, 1);
  asked.update(lines(3, 1));
  assert.equal(asked.threads, 3);
  asked.update([]);
  assert.equal(asked.threads, 3);
  const shared = [onLine("gateway", 50_000), onLine("gateway", 50_000)];
  assert.equal(threadsFor(demandsOf(shared), 8), 1);
});

test("servers of one connection have one thread, and the work is divided evenly", () => {
  const division = new Division(3, 8);
  const servers = [onLine("gateway", 100), ...lines(11, 100), onLine("gateway", 100)];
  division.update(servers);
  assert.equal(division.threadOf(servers[0]!), division.threadOf(servers.at(-1)!));
  const counts = [0, 0, 0];
  for (const server of servers) counts[division.threadOf(server)]!++;
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, counts.join());
  assert.equal(Math.min(...counts), counts[0], "the service's own thread has other work, too");
});

test("the largest are divided first, and what is small fills the gaps", () => {
  const division = new Division(2, 2);
  const servers = [...lines(4, 100), onLine("large", 400)];
  division.update(servers);
  const [large, ...small] = servers.toReversed().map((server) => division.threadOf(server));
  assert.deepEqual(new Set(small).size, 1);
  assert.notEqual(small[0], large);
});

test("a server of which nobody knows what it costs is read by the service's own thread", () => {
  const division = new Division(2, 2);
  division.update([...lines(3, 1), {}]);
  assert.deepEqual([division.threads, division.threadOf({})], [2, 0]);
});

test("the same configuration is divided in the same way", () => {
  const servers = lines(50, 7);
  const threads = [1, 2].map(() => {
    const division = new Division(4, 8);
    division.update(servers);
    return servers.map((server) => division.threadOf(server));
  });
  assert.deepEqual(threads[0], threads[1]);
});

test("a connection keeps its thread when the configuration changes, and new ones go where there is least to do", () => {
  const division = new Division(undefined, 8);
  const before = lines(4, 2000);
  division.update(before);
  assert.equal(division.threads, 1);
  const more = [onLine("new", 30_000), ...before.toReversed()];
  division.update(more);
  assert.ok(division.threads > 1);
  assert.notEqual(division.threadOf(more[0]!), 0);
  for (const server of before) assert.equal(division.threadOf(server), 0);
  const { threads } = division;
  division.update(before.slice(1));
  assert.equal(division.threads, threads, "a smaller configuration takes none away");
});
