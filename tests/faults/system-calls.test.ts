// Every call to the system fails in turn, with every errno that is plausible for it, in the main thread and in a service's, over the life
// of a whole partition with a real device: created, started, running while consumers remove things, stopped.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { PosixError } from "../../packages/image/src/posix/errno.ts";
import { plausibleErrnos } from "../image/posix/plausible-errnos.ts";
import { fault, times } from "./fault.ts";
import { assertNothingLeft, Life, namesLeft, Spares, startPlant, type Plant, type Victim } from "./faulty-partition.ts";
import type { Happened } from "./ordered-fault.ts";
import { Stopwatch } from "./stopwatch.ts";

/** Whole runs try each errno of each call, others one: they take turns from call to call. */
const isWhole = times({ quick: 0, usual: 0, long: 1 }) === 1;
/** Shorter runs try some of the calls. */
const step = times({ quick: 9, usual: 2, long: 1 });
/** Of one round while it runs: what is removed is put back within the first of them, the others are documents as before. */
const mostCalls = times({ quick: 150, usual: 500, long: Infinity });
/** A fault that lasts: so many calls of the same function fail. */
const lasting = 4;
const longestStopMs = 5000;
const limitMs = times({ quick: 60_000, usual: 300_000, long: 3_600_000 });

/** `inARow` calls of one function fail, beginning with the n-th call of all; `i` says with which errno. */
interface Order {
  readonly n: number;
  readonly i: number;
  readonly inARow: number;
}

/** Tries call after call until there are no more (`tryOne` gives undefined); how many faults that were. */
async function everyFault(tryOne: (order: Order) => Promise<Happened | undefined>, calls = Infinity): Promise<number> {
  let tried = 0;
  for (let n = 0, turn = 0; n < calls; n += step, turn++) {
    const happened = await tryOne({ n, i: turn, inARow: 1 });
    if (happened === undefined) return tried;
    await tryOne({ n, i: turn, inARow: lasting });
    tried += 2;
    if (!isWhole) continue;
    const others = (plausibleErrnos.get(happened.syscall)?.length ?? 1) - 1;
    for (let i = 1; i <= others; i++) await tryOne({ n, i: turn + i, inARow: 1 });
    tried += others;
  }
  return tried;
}

function describe({ n, inARow }: Order, happened: Happened | undefined): string {
  return `call ${n}, ${inARow} times: ${happened?.code} from ${happened?.syscall}`;
}

/** Calls whose failure may go unheard: what they give back is gone all the same, or was a courtesy. */
const unheard = new Set(["close", "pwrite", "clock_gettime"]);
/** In the main thread of the documents, who look every few milliseconds when they may not sleep. */
const unheardInMain = new Set(["futex"]);
/** When these fail an object's name may have to stay. */
const keepNames = new Set(["shm_unlink", "sem_unlink", "fstat", "lstat"]);

/** Documents open the guards' semaphores ahead of their first use; what fails then is tried again with that, and logged if it fails again. */
const triedAgain = new Set(["lstat", "sem_open", "open", "fstat"]);

/** The file of a semaphore that is gone between two calls: it is made again, or told to be gone. */
function hasVanished({ syscall, code }: Happened): boolean {
  return syscall === "open" && code === "ENOENT";
}

function assertTold(life: Life, victim: Victim, happened: Happened, what: string): void {
  const { syscall, code } = happened;
  if (hasVanished(happened) || unheard.has(syscall) || (victim === "main" && unheardInMain.has(syscall))) return;
  const logged = life.texts.filter((text) => text.includes(`(${code} from ${syscall})`));
  assert.ok(logged.length > 0, `${what}: the log says nothing\n${life.texts.join("\n")}`);
  for (const text of logged) assert.match(text, /cannot .+ because /, what);
}

/** What could not be removed is taken over by the next partition, and goes with that. */
async function assertClean(plant: Plant, happened: Happened | undefined, what: string): Promise<void> {
  const isKept = happened !== undefined && keepNames.has(happened.syscall);
  assertNothingLeft(plant, what, isKept);
  const isLeft = namesLeft(plant);
  const next = new Life(plant, "main", isLeft ? new Spares(plant, "main") : new Spares(plant, "main", []));
  if (isLeft) {
    next.start();
    await next.untilFresh();
  }
  await next.stop();
  assertNothingLeft(plant, what);
}

/** Creates it with the fault and, if that succeeds, goes through the rest of its life without. */
async function tryToCreate(plant: Plant, order: Order): Promise<Happened | undefined> {
  const spares = new Spares(plant, "main", []);
  spares.fault.order(order.n, order.i, order.inARow);
  let life: Life | undefined;
  let refusal: unknown;
  try {
    life = new Life(plant, "main", spares);
  } catch (error) {
    refusal = error;
  }
  const { happened } = spares.fault;
  spares.fault.forget();
  const what = describe(order, happened);
  if (refusal !== undefined) {
    if (!(refusal instanceof PosixError)) throw refusal;
    assert.deepEqual({ syscall: refusal.syscall, code: refusal.code }, happened, what);
    assert.match(refusal.message, /^cannot .+ because .+ \(\w+ from \w+\)$/);
  } else if (happened !== undefined) {
    assert.ok(unheard.has(happened.syscall) || hasVanished(happened), `${what} goes unheard`);
  }
  await life?.stop();
  await assertClean(plant, happened, what);
  return happened;
}

/** One life for each fault, which begins with the start or with the stop. */
async function tryInALife(plant: Plant, victim: Victim, phase: "start" | "stop", order: Order, spares: Spares) {
  const life = new Life(plant, victim, spares);
  const { fault: ordered } = life;
  if (phase === "start") ordered.order(order.n, order.i, order.inARow);
  life.start();
  await life.untilFresh();
  if (phase === "start") ordered.forget();
  else ordered.order(order.n, order.i, order.inARow);
  const stopwatch = new Stopwatch();
  await life.stop();
  const { isWithin, text } = stopwatch.stop(longestStopMs);
  ordered.forget();
  const { happened } = ordered;
  const what = describe(order, happened);
  assert.ok(isWithin, `${what}: it took ${text} to stop`);
  const isTriedAgain = phase === "start" && victim === "main" && order.inARow === 1;
  if (happened !== undefined && !(isTriedAgain && triedAgain.has(happened.syscall)))
    assertTold(life, victim, happened, what);
  assertUnbroken(life, what);
  await assertClean(plant, happened, what);
  return happened;
}

function assertUnbroken(life: Life, what: string): void {
  const broken = life.texts.filter((text) => text.includes("started again") || text.includes("thread failed"));
  assert.deepEqual(broken, [], what);
}

/** So many faults in one life: there is a limit to the different troubles that the log is told of in an hour. */
const faultsInALife = 6;

/** Each begins when a consumer's objects and the image are removed, and is over when every value is good again. */
async function tryWhileRunning(t: TestContext, plant: Plant, victim: Victim): Promise<number> {
  let life = await begin(plant, victim);
  let rounds = 0;
  const disturb = async ({ n, i, inARow }: Order): Promise<void> => {
    life.fault.order(n, i, inARow);
    life.disturb();
    await life.untilFresh();
  };
  await disturb({ n: Infinity, i: 0, inARow: 0 });
  const { calls } = life.fault;
  t.diagnostic(`${calls} calls in one round`);
  const tried = await everyFault(
    async (order) => {
      if (++rounds % faultsInALife === 0) {
        await endUnbroken(plant, life);
        life = await begin(plant, victim);
      }
      const before = life.lines.length;
      await disturb(order);
      await life.until("the fault happens", () => life.fault.happened !== undefined);
      await life.untilFresh();
      const happened = life.fault.happened;
      life.fault.forget();
      await life.untilFresh();
      assert.ok(happened !== undefined);
      assertTold(life, victim, happened, describe(order, happened));
      const failures = life.texts.slice(before).filter((text) => text.includes("cannot "));
      // Once for what was there before the disturbance, and once for what was made anew.
      for (const failure of failures)
        assert.ok(
          failures.filter((text) => text === failure).length <= 2,
          `logged again and again:\n${failures.join("\n")}`,
        );
      return happened;
    },
    Math.min(calls, mostCalls),
  );
  await endUnbroken(plant, life);
  return tried;
}

async function begin(plant: Plant, victim: Victim): Promise<Life> {
  const life = new Life(plant, victim);
  life.start();
  await life.untilFresh();
  return life;
}

async function endUnbroken(plant: Plant, life: Life): Promise<void> {
  assertUnbroken(life, "running");
  await life.stop();
  assertNothingLeft(plant, "running");
}

fault({
  area: "System calls",
  trigger: "each call fails while the partition is created",
  holds: "it says what it cannot do and why, nothing is left behind, and the next try succeeds",
  extent: "quick",
  limitMs: 600_000,
  run: async (t) => {
    const plant = await startPlant(t, "modbus", "opcua");
    const tried = await everyFault((order) => tryToCreate(plant, order));
    t.diagnostic(`${tried} faults`);
  },
});

const threads = {
  main: "the main thread",
  modbus: "the Modbus service's thread",
  opcua: "the OPC UA service's thread",
};

for (const victim of ["main", "modbus", "opcua"] as const) {
  const thread = threads[victim];
  // A thread that loads the OPC UA stack takes a second to start.
  const extent = victim === "opcua" ? "long" : "usual";
  const services = victim === "opcua" ? (["modbus", "opcua"] as const) : (["modbus"] as const);
  for (const phase of ["start", "stop"] as const) {
    fault({
      area: "System calls",
      trigger: `each call of ${thread} fails while the service ${phase}s`,
      holds: `it says so, values come all the same, it stops in time, and nothing is left behind`,
      extent,
      limitMs,
      run: async (t) => {
        const plant = await startPlant(t, ...services);
        let spares = new Spares(plant, victim);
        const tried = await everyFault(async (order) => {
          const now = spares;
          spares = new Spares(plant, victim);
          return await tryInALife(plant, victim, phase, order, now);
        });
        t.diagnostic(`${tried} faults`);
      },
    });
  }
  fault({
    area: "System calls",
    trigger: `each call of ${thread} fails while the service runs and consumers remove what they share with it`,
    holds: "it says so, and every value is back and good when the fault is over",
    extent: victim === "opcua" ? "long" : "usual",
    limitMs,
    run: async (t) => {
      const plant = await startPlant(t, ...services);
      t.diagnostic(`${await tryWhileRunning(t, plant, victim)} faults`);
    },
  });
}
