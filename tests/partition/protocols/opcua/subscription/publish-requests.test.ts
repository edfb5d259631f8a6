// What is asked of a server that sends changes, when, and what becomes of its answers and refusals, in an order that a real one has only by chance.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type PublishRequest, StatusCodes } from "node-opcua-client";
import type { StatusCode } from "node-opcua-client";
import type { PublishResults } from "../../../../../packages/partition/src/protocols/opcua/channel/notification-results.ts";
import {
  PublishRequests,
  type Subscriber,
} from "../../../../../packages/partition/src/protocols/opcua/subscription/publish-requests.ts";
import { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import { subscribedServer } from "../../../../plant/subscribed.ts";
import { until } from "../../../../until.ts";

const watchdog = { timeout: 200_000 };

interface Asked {
  readonly acknowledged: readonly (readonly [subscription: number, message: number])[];
  readonly timeoutMs: number;
  answer(subscriptionId: number): void;
  fail(cause?: { readonly statusCode: StatusCode }): void;
}

class TestSubscriber implements Subscriber {
  readonly keepAliveMs: number;
  readonly id: number;
  readonly messages: PublishResults[] = [];
  /** Each message takes as long as this; it is handled before. */
  handled: () => Promise<void> = () => Promise.resolve();
  shown: number[] = [];
  timesGone = 0;

  constructor(id: number, keepAliveMs = 1000) {
    this.id = id;
    this.keepAliveMs = keepAliveMs;
  }

  message(response: PublishResults): Promise<void> {
    this.messages.push(response);
    return this.handled();
  }

  takeShown(): readonly number[] {
    return this.shown.splice(0);
  }

  gone(): void {
    this.timesGone++;
  }
}

/** Requests that are made, to be answered by the test. `ended` resolves with the failure. */
function running(timeoutMs = 1000) {
  const asked: Asked[] = [];
  const session = {
    server: subscribedServer("opc.tcp://127.0.0.1:4840", { timeoutMs }),
    request: (
      { subscriptionAcknowledgements }: PublishRequest,
      _kind: unknown,
      options: { readonly signal: AbortSignal; readonly timeoutMs: number },
    ) => {
      const { promise, resolve, reject } = Promise.withResolvers<PublishResults>();
      const fail: Asked["fail"] = (cause) => reject(new ServerError("ServiceFault", "Server", "cannot", { cause }));
      options.signal.addEventListener("abort", () => fail());
      asked.push({
        acknowledged: (subscriptionAcknowledgements ?? []).map((one) => [one.subscriptionId, one.sequenceNumber]),
        timeoutMs: options.timeoutMs,
        answer: (subscriptionId) => resolve({ subscriptionId } as PublishResults),
        fail,
      });
      return promise;
    },
  };
  const requests = new PublishRequests(session as never);
  const stop = new AbortController();
  const ended = requests.run(stop.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { requests, asked, stop, ended };
}

/** What can happen by itself has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

const refusal = (statusCode: StatusCode) => ({ statusCode });

test("two requests are at the server while somebody is subscribed, and none else", watchdog, async () => {
  const { requests, asked } = running();
  const [first, second] = [new TestSubscriber(1), new TestSubscriber(2)];
  await settled();
  assert.equal(asked.length, 0);
  requests.add(first);
  requests.add(second);
  await settled();
  assert.equal(asked.length, 2);
  requests.remove(second);
  asked[0]!.answer(1);
  await settled();
  assert.equal(asked.length, 3);
  requests.remove(first);
  asked[1]!.answer(1);
  asked[2]!.answer(1);
  await settled();
  assert.deepEqual([asked.length, first.messages.length], [3, 1], "what comes for somebody who has left is no message");
  requests.remove(first);
  requests.add(second);
  await settled();
  assert.equal(asked.length, 5);
});

test("messages are handled one after the other, each by its own subscriber", watchdog, async () => {
  const { requests, asked } = running();
  const [first, second] = [new TestSubscriber(1), new TestSubscriber(2)];
  const isHandled = Promise.withResolvers<void>();
  first.handled = () => isHandled.promise;
  requests.add(first);
  requests.add(second);
  await settled();
  asked[0]!.answer(1);
  asked[1]!.answer(2);
  await settled();
  assert.deepEqual([first.messages.length, second.messages.length, asked.length], [1, 0, 2]);
  isHandled.resolve();
  await settled();
  assert.deepEqual([first.messages.length, second.messages.length, asked.length], [1, 1, 4]);
});

test("what readers have is acknowledged with the next request, once", watchdog, async () => {
  const { requests, asked } = running();
  const [first, second] = [new TestSubscriber(1), new TestSubscriber(2)];
  requests.add(first);
  requests.add(second);
  await settled();
  first.shown = [7, 8];
  second.shown = [3];
  asked[0]!.answer(1);
  asked[1]!.answer(1);
  await settled();
  assert.deepEqual(
    asked.map(({ acknowledged }) => acknowledged),
    [
      [],
      [],
      [
        [1, 7],
        [1, 8],
        [2, 3],
      ],
      [],
    ],
  );
});

test("an answer is waited for longer than the watchdogs wait for a message", watchdog, async () => {
  for (const [keepAliveMs, timeoutMs] of [
    [1000, 10],
    [10, 1000],
  ] as const) {
    const { requests, asked } = running(timeoutMs);
    requests.add(new TestSubscriber(1, keepAliveMs));
    requests.add(new TestSubscriber(2, 1));
    await settled();
    // The other request is answered first.
    assert.ok(asked[0]!.timeoutMs > 2 * keepAliveMs + timeoutMs, `${asked[0]!.timeoutMs} ms`);
  }
});

test(
  "a server that has no subscription tells so those for whom it was asked, and is asked for others at once",
  watchdog,
  async () => {
    const { requests, asked } = running();
    const old = new TestSubscriber(1);
    requests.add(old);
    await settled();
    // One that is about to be given up has another subscriber.
    requests.remove(old);
    const [sameId, other] = [new TestSubscriber(1), new TestSubscriber(2)];
    requests.add(sameId);
    requests.add(other);
    asked[0]!.fail(refusal(StatusCodes.BadNoSubscription));
    await settled();
    assert.deepEqual([old, sameId, other].map(({ timesGone }) => timesGone), [0, 0, 0]); // prettier-ignore
    assert.equal(asked.length, 3);
    for (let place = 1; place < asked.length; place++) {
      asked[place]!.fail(refusal(StatusCodes.BadNoSubscription));
      await settled();
    }
    assert.deepEqual([old, sameId, other].map(({ timesGone }) => timesGone), [0, 1, 1]); // prettier-ignore
    const { length } = asked;
    // As each of them does when it ends.
    requests.remove(sameId);
    requests.add(new TestSubscriber(3));
    await settled();
    assert.equal(asked.length, length + 2);
  },
);

test("a server that says that these are too many requests gets one fewer, and one always", watchdog, async () => {
  const { requests, asked } = running();
  const subscriber = new TestSubscriber(1);
  requests.add(subscriber);
  await settled();
  for (const request of asked) request.fail(refusal(StatusCodes.BadTooManyPublishRequests));
  await settled();
  assert.equal(asked.length, 2, "not before a pause");
  await until("it is asked again", () => asked.length > 2);
  asked[2]!.answer(1);
  await settled();
  assert.deepEqual([asked.length, subscriber.messages.length], [4, 1], "only ever one");
});

test(
  "a server that cannot answer for another reason is asked again after a pause, as often as before",
  watchdog,
  async () => {
    const { requests, asked } = running();
    requests.add(new TestSubscriber(1));
    await settled();
    for (const request of asked) request.fail(refusal(StatusCodes.BadOutOfMemory));
    await settled();
    assert.equal(asked.length, 2, "not before a pause");
    await until("it is asked again", () => asked.length === 4);
  },
);

for (const [what, cause] of [
  ["a refusal that ends the session", refusal(StatusCodes.BadSessionIdInvalid)],
  ["a connection that is lost", undefined],
] as const)
  test(`${what} ends it with the reason`, watchdog, async () => {
    const { requests, asked, ended } = running();
    requests.add(new TestSubscriber(1));
    await settled();
    asked[0]!.fail(cause);
    const error = await ended;
    assert.ok(error instanceof ServerError);
    assert.equal(error.cause, cause);
  });

test("it ends when told to, wherever it waits, and asks for nothing more", watchdog, async () => {
  const waits: Readonly<Record<string, (run: ReturnType<typeof running>) => void>> = {
    "for somebody who subscribes": () => {},
    "for an answer": ({ requests }) => requests.add(new TestSubscriber(1)),
    "in a pause": ({ requests, asked }) => {
      requests.add(new TestSubscriber(1));
      setImmediate(() => asked.forEach((request) => request.fail(refusal(StatusCodes.BadOutOfMemory))));
    },
  };
  for (const [what, begin] of Object.entries(waits)) {
    const run = running();
    begin(run);
    await settled();
    const { length } = run.asked;
    run.stop.abort();
    assert.equal(await Promise.race([run.ended, settled().then(() => "not ended")]), undefined, what);
    assert.equal(run.asked.length, length, what);
  }
  const requests = new PublishRequests({} as never);
  await requests.run(AbortSignal.abort());
});
