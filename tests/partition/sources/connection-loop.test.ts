import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ConnectionState, type GroupCounter, type ServerCounter } from "../../../packages/image/src/layout.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { ServerError } from "../../../packages/partition/src/sources/server-error.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { PollsInFlight } from "../../../packages/partition/src/sources/polls-in-flight.ts";
import { Grid } from "../../../packages/process/src/schedule.ts";
import { ConnectionLoop } from "../../../packages/partition/src/sources/connection-loop.ts";
import type { Session } from "../../../packages/partition/src/sources/source.ts";
import { imageOf, seen, serverOf } from "../../image/sample-image.ts";
import { recordingLog, refused, TestSource, untilAborted } from "./test-source.ts";

const intervalMs = 100;

async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
}

function serverWith({ groups }: TestSource) {
  const described = groups.map(({ name, points }) => {
    const [all] = serverOf("A", ...points.map(() => 8)).groups;
    return { name, intervalMs, points: all?.points ?? [] };
  });
  return { ...serverOf("A", 8), groups: described };
}

/** A loop whose time is the test's: timers and clock go on only when `pass` says so. */
function setUp(t: TestContext, client = new TestSource("A", "x"), started?: Promise<Session>) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 1000;
  const image = imageOf(serverWith(client));
  const { lines, log } = recordingLog();
  let changes = 0;
  const waits: Promise<void>[] = [];
  const loop = new ConnectionLoop(
    client,
    image.writer.blocks[0]!,
    {
      gridOf: (ownMs = intervalMs) => new Grid(1000, ownMs),
      clock: () => nowMs,
      pollsInFlight: new PollsInFlight(() => nowMs, intervalMs, 2),
      log,
      changed: async () => {
        changes++;
        await waits.shift();
      },
    },
    started,
  );
  return {
    client,
    loop,
    lines,
    reader: image.reader,
    now: () => nowMs,
    changes: () => changes,
    /** How long the image takes to know of each change. */
    waits,
    /** Time that the server takes. */
    spend: (durationMs: number) => (nowMs += durationMs),
    /** Time in which nothing happens but timers. */
    pass: async (durationMs: number) => {
      await settle();
      nowMs += durationMs;
      t.mock.timers.tick(durationMs);
      await settle();
    },
    count: (counter: GroupCounter) => Number(image.reader.groupCount(0, counter)),
    countOfServer: (counter: ServerCounter) => Number(image.reader.serverCount(0, counter)),
  };
}

/** Notes when each poll begins. */
function pollTimes(own: ReturnType<typeof setUp>, takesMs: (poll: number) => number = () => 0): number[] {
  const times: number[] = [];
  own.client.onPoll = () => {
    times.push(own.now());
    own.spend(takesMs(times.length));
  };
  return times;
}

test("polls begin at the instants of the grid, however late timers are: nothing drifts", async (t) => {
  const own = setUp(t);
  const times = pollTimes(own, () => 7);
  const ended = own.loop.run();
  await own.pass(0);
  for (const lateMs of [0, 30, 0, 90, 3]) {
    const nextMs = 1000 + Math.ceil((own.now() - 999) / intervalMs) * intervalMs;
    await own.pass(nextMs + lateMs - own.now());
  }
  assert.deepEqual(times, [1000, 1100, 1230, 1300, 1490, 1503]);
  assert.deepEqual([own.count("overruns"), own.count("polls")], [0, 6]);
  own.loop.stop();
  await ended;
});

test("a timer that fires a little early does not poll the same instant twice", async (t) => {
  const own = setUp(t);
  const times = pollTimes(own);
  const ended = own.loop.run();
  await own.pass(0);
  await own.pass(100);
  t.mock.timers.tick(100); // the timer, but not yet the clock
  await settle();
  await own.pass(0.5);
  await own.pass(99.5);
  assert.deepEqual(times, [1000, 1100, 1100]);
  await own.pass(100);
  assert.deepEqual(times, [1000, 1100, 1100, 1300]);
  assert.equal(own.count("overruns"), 0);
  own.loop.stop();
  await ended;
});

test("when there is room for a value that was cut it is read at once, and the next poll comes at its usual instant", async (t) => {
  const own = setUp(t);
  const times: number[] = [];
  own.client.onPoll = (sink) => {
    times.push(own.now());
    sink.setValue(0, { type: BuiltInType.String, value: "x".repeat(9) }, StatusCode.Good);
  };
  const ended = own.loop.run();
  await own.pass(0);
  assert.equal(seen(own.reader).status(0), StatusCode.BadEncodingLimitsExceeded);
  await own.pass(30);
  own.loop.renewed();
  await own.pass(0);
  await own.pass(70);
  await own.pass(100);
  assert.deepEqual(times, [1000, 1030, 1100, 1200]);
  assert.equal(own.count("overruns"), 0);
  own.loop.stop();
  await ended;
});

test("new room is nothing to a server whose values were not cut", async (t) => {
  const own = setUp(t);
  const ended = own.loop.run();
  await own.pass(30);
  own.loop.renewed();
  await own.pass(0);
  assert.equal(own.client.polls, 1);
  own.loop.stop();
  await ended;
});

for (const [when, make] of Object.entries({
  "in the pause after a failure": (own: ReturnType<typeof setUp>) => own.loop.renewed(),
  "during the poll that fails": () => {},
})) {
  test(`new room ${when} brings no attempt to connect forward`, async (t) => {
    const own = setUp(t);
    own.client.onPoll = (sink) => sink.setValue(0, { type: BuiltInType.String, value: "x".repeat(9) }, StatusCode.Good);
    const ended = own.loop.run();
    await own.pass(0);
    own.client.onConnect = () => refused();
    own.client.onPoll = () => {
      if (when.startsWith("during")) own.loop.renewed();
      refused();
    };
    await own.pass(100);
    make(own);
    await own.pass(29_999);
    const attempts = (): number => own.client.events.filter((event) => event === "connect").length;
    assert.equal(attempts(), 1);
    await own.pass(1);
    assert.equal(attempts(), 2);
    own.loop.stop();
    await ended;
  });
}

test("a limit that the server's refusals have taught is in the image as long as it holds", async (t) => {
  const own = setUp(t);
  const ended = own.loop.run();
  for (const requestLimit of [undefined, 30, undefined]) {
    own.client.requestLimit = requestLimit;
    await own.pass(100);
    assert.equal(own.reader.serverState(0)!.requestLimit, requestLimit ?? 0);
  }
  own.loop.stop();
  await ended;
});

test("a refused server is tried again within a second when what the refusal depended on has changed", async (t) => {
  const own = setUp(t);
  let isGone = false;
  own.client.onConnect = () => {
    const error = new ServerError("SecurityRefused", "A", "its certificate is not trusted");
    error.isReasonGone = () => isGone;
    throw error;
  };
  const ended = own.loop.run();
  await own.pass(59_000);
  own.client.onConnect = () => {};
  assert.deepEqual(own.client.events, ["connect"], "not within a minute");
  isGone = true;
  await own.pass(1000);
  assert.deepEqual(own.client.events, ["connect", "connect", "poll"]);
  own.loop.stop();
  await ended;
});

test("a poll that takes longer than the interval is counted, and no poll is made up for", async (t) => {
  const own = setUp(t);
  const times = pollTimes(own, (poll) => (poll === 1 ? 350 : 10));
  const ended = own.loop.run();
  await own.pass(50);
  await own.pass(90);
  assert.deepEqual(times, [1000, 1400, 1500]);
  assert.equal(own.count("overruns"), 3);
  own.loop.stop();
  await ended;
});

test("a lost connection shows bad status with the last values, and is told once", async (t) => {
  const own = setUp(t);
  const ended = own.loop.run();
  await own.pass(0);
  assert.equal(seen(own.reader).state.connection, ConnectionState.connected);
  own.client.onPoll = (sink) => {
    sink.setNumber(0, BuiltInType.UInt32, 77);
    throw new ServerError("Timeout", "A", "no answer within 1 s");
  };
  own.client.onConnect = () => refused();
  await own.pass(100);
  const { connection, error } = own.reader.serverState(0)!;
  assert.deepEqual([connection, error], [ConnectionState.lost, "no answer within 1 s"]);
  const { value, status } = seen(own.reader).reading(0);
  assert.deepEqual([value, status], [1, StatusCode.BadNoCommunication], "of the poll that failed nothing stays");
  await own.pass(30_000);
  await own.pass(30_000);
  assert.deepEqual(
    [own.countOfServer("failedTimeout"), own.countOfServer("failedConnectionFailed"), own.countOfServer("connects")],
    [1, 2, 1],
  );
  assert.deepEqual(
    own.lines.map(({ level, message }) => `${level} ${message}`),
    ["info connected", "warn connection lost: no answer within 1 s", "warn cannot reach it because nobody listens"],
  );
  own.loop.stop();
  await ended;
});

test("every failed attempt is followed by a pause of the retry interval", async (t) => {
  const own = setUp(t);
  own.client.onConnect = () => refused();
  const ended = own.loop.run();
  await own.pass(29_999);
  assert.deepEqual(own.client.events, ["connect"]);
  await own.pass(1);
  assert.deepEqual(own.client.events, ["connect", "connect"]);
  own.client.onConnect = () => {};
  await own.pass(30_000);
  assert.equal(seen(own.reader).state.connection, ConnectionState.connected);
  assert.equal(own.client.polls, 1);
  own.loop.stop();
  await ended;
});

test("a connection that had worked for long is tried again soon, one that breaks at once is not", async (t) => {
  const own = setUp(t);
  let works = true;
  own.client.onPoll = () => {
    if (!works) throw new ServerError("ConnectionFailed", "A", "reset");
  };
  const ended = own.loop.run();
  for (let passed = 0; passed < 32_000; passed += 1000) await own.pass(1000);
  works = false;
  await own.pass(100);
  const attempts = (): number => own.client.events.filter((event) => event === "connect").length;
  assert.equal(attempts(), 1);
  await own.pass(1000);
  assert.equal(attempts(), 2, "after a second");
  await own.pass(29_999);
  assert.equal(attempts(), 2);
  await own.pass(1);
  assert.equal(attempts(), 3, "after the whole retry interval");
  own.loop.stop();
  await ended;
});

test("an attempt that is under way already is taken over, not repeated", async (t) => {
  const client = new TestSource("A", "x");
  const attempt = Promise.withResolvers<void>();
  client.onConnect = () => attempt.promise;
  const own = setUp(t, client, client.connect(new AbortController().signal));
  const ended = own.loop.run();
  await own.pass(0);
  assert.deepEqual(client.events, ["connect"]);
  attempt.resolve();
  await own.pass(0);
  assert.deepEqual(client.events, ["connect", "poll"]);
  own.loop.stop();
  await ended;
});

test("an error that no client should throw is told with its stack and handled as a loss", async (t) => {
  const own = setUp(t);
  own.client.onPoll = () => {
    throw new TypeError("cannot read properties of undefined");
  };
  const ended = own.loop.run();
  await own.pass(0);
  assert.equal(seen(own.reader).state.connection, ConnectionState.lost);
  assert.equal(own.countOfServer("failedProtocolViolation"), 1);
  assert.match(String(own.lines.at(-1)?.fields?.["stack"]), /connection-loop\.test/);
  own.loop.stop();
  await ended;
});

const states: Readonly<Record<string, (own: ReturnType<typeof setUp>) => Promise<void>>> = {
  "before it runs": async () => {},
  "while connecting": async (own) => {
    own.client.onConnect = untilAborted;
    await own.pass(0);
  },
  "while polling": async (own) => {
    own.client.onPoll = (sink, signal) => {
      sink.setNumber(0, BuiltInType.UInt32, 77);
      return untilAborted(signal);
    };
    await own.pass(0);
  },
  "between two polls": async (own) => await own.pass(0),
  "while waiting for the next attempt": async (own) => {
    own.client.onConnect = () => refused();
    await own.pass(0);
  },
};

for (const [state, reach] of Object.entries(states)) {
  test(`stopped ${state} the loop ends, disconnected, and shows the server as stopped at once`, async (t) => {
    const own = setUp(t);
    const reached = reach(own);
    const ended = state === "before it runs" ? undefined : own.loop.run();
    await reached;
    own.loop.stop();
    assert.equal(seen(own.reader).state.connection, ConnectionState.stopped);
    assert.equal(seen(own.reader).status(0), StatusCode.BadShutdown);
    assert.notEqual(seen(own.reader).value(0).value, 77);
    own.loop.stop();
    await (ended ?? own.loop.run());
    const count = (event: string): number => own.client.events.filter((one) => one === event).length;
    assert.equal(count("disconnect"), state.includes("poll") ? 1 : 0, "a session that was opened is closed");
    assert.equal(seen(own.reader).state.connection, ConnectionState.stopped);
    assert.equal(own.lines.filter(({ level }) => level === "error").length, 0);
  });
}

test("values that come after the loop was stopped are dropped", async (t) => {
  const own = setUp(t);
  let late: (() => void) | undefined;
  own.client.onPoll = async (sink, signal) => {
    late = () => sink.setNumber(0, BuiltInType.UInt32, 77);
    await untilAborted(signal);
  };
  const ended = own.loop.run();
  await own.pass(0);
  own.loop.stop();
  late?.();
  await ended;
  late?.();
  assert.notEqual(seen(own.reader).value(0).value, 77);
});

test("an answer that comes after the loop was stopped does not show the server as connected again", async (t) => {
  const own = setUp(t);
  const answer = Promise.withResolvers<void>();
  own.client.onPoll = () => answer.promise;
  const ended = own.loop.run();
  await own.pass(0);
  own.loop.stop();
  answer.resolve();
  await ended;
  assert.equal(seen(own.reader).state.connection, ConnectionState.stopped);
  assert.equal(own.count("polls"), 0);
});

/** Two groups on one connection: `fast` at every instant of the service, `slow` at every fifth. */
function twoGroups(): TestSource {
  const source = new TestSource("A", "x", "y", "z");
  source.ownGroups = [
    { name: "fast", intervalMs, points: [0, 2] },
    { name: "slow", intervalMs: 5 * intervalMs, points: [1] },
  ];
  return source;
}

test("the groups of a source are polled on one connection, each at its own instants", async (t) => {
  const own = setUp(t, twoGroups());
  const times: string[] = [];
  own.client.onPoll = (sink, _signal, group) => {
    times.push(`${group} at ${own.now()}`);
    sink.setNumber(0, BuiltInType.UInt32, own.now());
  };
  const ended = own.loop.run();
  await own.pass(0);
  for (let instant = 0; instant < 6; instant++) await own.pass(intervalMs);
  const fast = [1000, 1100, 1200, 1300, 1400, 1500, 1600].map((ms) => `0 at ${ms}`);
  assert.deepEqual(
    times.filter((time) => time.startsWith("0")),
    fast,
  );
  assert.deepEqual(
    times.filter((time) => time.startsWith("1")),
    ["1 at 1000", "1 at 1500"],
  );
  assert.deepEqual(
    own.client.events.filter((event) => event !== "poll"),
    ["connect"],
  );
  const values = [0, 1].map((group) => own.reader.view(group).reading(0).value);
  assert.deepEqual(values, [1600, 1500]);
  own.loop.stop();
  await ended;
});

test("a slow poll of one group does not hold back another", async (t) => {
  const own = setUp(t, twoGroups());
  const answer = Promise.withResolvers<void>();
  let fastPolls = 0;
  own.client.onPoll = (_sink, _signal, group) => {
    if (group === 1) return answer.promise;
    fastPolls++;
    return undefined;
  };
  const ended = own.loop.run();
  for (let instant = 0; instant < 4; instant++) await own.pass(intervalMs);
  assert.equal(fastPolls, 5);
  assert.equal(own.reader.view(1).connection, ConnectionState.connecting, "nothing of it has come yet");
  answer.resolve();
  await own.pass(0);
  assert.equal(own.reader.view(1).connection, ConnectionState.connected);
  own.loop.stop();
  await ended;
});

test("when a poll of one group fails, those of the others end before the connection is closed", async (t) => {
  const own = setUp(t, twoGroups());
  const order: string[] = [];
  own.client.onPoll = async (_sink, signal, group) => {
    if (group === 0) refused();
    await untilAborted(signal).catch(() => order.push("aborted"));
    refused();
  };
  own.client.onDisconnect = () => void order.push("closed");
  const ended = own.loop.run();
  await own.pass(0);
  assert.deepEqual(order, ["aborted", "closed"]);
  assert.deepEqual([own.countOfServer("failedConnectionFailed"), own.lines.length], [1, 1], "it is one loss");
  for (const group of [0, 1]) assert.equal(own.reader.view(group).connection, ConnectionState.lost);
  own.loop.stop();
  await ended;
});

test("a poll that ends after one of another group has failed does not show the server as connected", async (t) => {
  const own = setUp(t, twoGroups());
  const answer = Promise.withResolvers<void>();
  own.client.onPoll = (_sink, _signal, group) => (group === 0 ? refused() : answer.promise);
  const ended = own.loop.run();
  await own.pass(0);
  answer.resolve();
  await own.pass(0);
  assert.deepEqual(own.lines.map(({ level }) => level), ["warn"]); // prettier-ignore
  own.loop.stop();
  await ended;
});

test("a session says itself that its server is alive, and publishes what comes without being asked", async (t) => {
  const own = setUp(t, twoGroups());
  const ended = own.loop.run();
  await own.pass(0);
  own.client.onRun = async (reports, running) => {
    reports.alive();
    await own.pass(30);
    reports.groups[1]?.publish((sink) => sink.setNumber(0, BuiltInType.UInt32, 77));
    await untilAborted(running);
  };
  own.client.onPoll = () => refused();
  await own.pass(intervalMs);
  assert.equal(own.reader.serverState(0)?.connection, ConnectionState.lost);
  await own.pass(30_000);
  assert.equal(own.reader.serverState(0)?.connection, ConnectionState.connected);
  await own.pass(0);
  assert.equal(own.reader.view(1).reading(0).value, 77);
  assert.equal(own.reader.view(0).reading(0).status, StatusCode.BadNoCommunication, "nothing of it has come again");
  own.loop.stop();
  await ended;
});

test("a session runs when the image has the points that the server has described, and not before", async (t) => {
  const own = setUp(t);
  const isKnown = Promise.withResolvers<void>();
  own.waits.push(isKnown.promise);
  own.client.onConnect = () => void (own.client.points = new TestSource("A", "y").points);
  const ended = own.loop.run();
  await settle();
  assert.deepEqual([own.client.events, own.changes()], [["connect"], 1]);
  isKnown.resolve();
  await settle();
  assert.deepEqual(own.client.events, ["connect", "poll"]);
  own.loop.stop();
  await ended;
});

for (const isStarted of [false, true])
  test(`a session ${isStarted ? "that was opened before, which the image may not know of, waits for it" : "whose server has described nothing new waits for no image"}`, async (t) => {
    const client = new TestSource("A", "x");
    const own = setUp(t, client, isStarted ? client.connect(new AbortController().signal) : undefined);
    const isKnown = Promise.withResolvers<void>();
    own.waits.push(isKnown.promise);
    const ended = own.loop.run();
    await settle();
    assert.deepEqual(client.events, isStarted ? ["connect"] : ["connect", "poll"]);
    isKnown.resolve();
    await settle();
    assert.deepEqual(client.events, ["connect", "poll"]);
    own.loop.stop();
    await ended;
  });

test("what a session publishes after its server was stopped does not look good again, and it knows", async (t) => {
  const own = setUp(t);
  const receipts: (boolean | undefined)[] = [];
  own.client.onRun = async (reports, running) => {
    const publish = (value: number): void => {
      const receipt = reports.groups[0]?.publish((sink) => sink.setNumber(0, BuiltInType.UInt32, value));
      receipts.push(receipt?.());
    };
    publish(1);
    await untilAborted(running).catch(() => publish(2));
  };
  const ended = own.loop.run();
  await settle();
  assert.equal(seen(own.reader).status(0), StatusCode.Good);
  own.loop.stop();
  await ended;
  const { connection } = own.reader.view(0);
  assert.deepEqual([connection, seen(own.reader).status(0)], [ConnectionState.stopped, StatusCode.BadShutdown]);
  assert.equal(own.reader.serverState(0)?.connection, ConnectionState.stopped);
  assert.deepEqual(receipts, [true, false]);
});

test("a failure that does not cost the connection is counted and shown, and the log says so ever more seldom", async (t) => {
  const own = setUp(t);
  own.client.onRun = async (reports, running) => {
    reports.alive();
    for (let count = 1; count <= 9; count++) reports.failed(new ServerError("ServiceFault", "A", `failure ${count}`));
    await untilAborted(running);
  };
  const ended = own.loop.run();
  await settle();
  const { connection, error } = own.reader.serverState(0) ?? {};
  assert.deepEqual([connection, error], [ConnectionState.connected, "failure 9"]);
  assert.equal(own.reader.serverCount(0, "failedServiceFault"), 9n);
  const told = own.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
  assert.deepEqual(told, ["failure 1", "failure 2", "failure 4", "failure 8"]);
  own.loop.stop();
  await ended;
});
