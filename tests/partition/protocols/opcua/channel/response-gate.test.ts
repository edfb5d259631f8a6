import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ClientSecureChannelLayer, GetEndpointsRequest, GetEndpointsResponse, type Response } from "node-opcua-client";
import { answerOf as answerOfCall } from "../../../../../packages/partition/src/protocols/opcua/bounded-wait.ts";
import { ResponseGate } from "../../../../../packages/partition/src/protocols/opcua/channel/response-gate.ts";
import { discoverEndpoint } from "../../../../../packages/partition/src/protocols/opcua/endpoint-discovery.ts";
import type { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import { until } from "../../../../until.ts";
import { configuredServer, never } from "../../../../plant/opcua-server.ts";
import {
  additionalHeaderBomb,
  chunk,
  endpointsAnswer,
  header,
  honest,
  messageChunks,
  startRogue,
  typeId,
  words,
  type Answers,
} from "../../../../plant/rogue-opcua.ts";

const getEndpointsResponse = 431;
const late = Buffer.concat([typeId(getEndpointsResponse), header(0), words(0)]);

/** The message with which discovery fails. */
async function refusal(changes: Partial<Answers>): Promise<string> {
  await using rogue = await startRogue(changes);
  const server = configuredServer(rogue.url, { timeoutMs: 20_000 });
  let message = "";
  await assert.rejects(
    discoverEndpoint(server, { server: "rogue", timeoutMs: 20_000, signal: never }),
    (error: ServerError) => {
      message = `${error.code}: ${error.message}`;
      return true;
    },
  );
  return message;
}

function answerOf(type: number, rest: Buffer): Partial<Answers> {
  return {
    endpoints: (requestId, nextSequence) => messageChunks(Buffer.concat([typeId(type), rest]), requestId, nextSequence),
  };
}

// prettier-ignore
const violations: Readonly<Record<string, readonly [changes: Partial<Answers>, expected: RegExp]>> = {
  "a message of 4 MB":
    [{ endpoints: endpointsAnswer(additionalHeaderBomb(999_999)) }, /ConnectionFailed: .* because it sends a message of more than 262144 bytes/],
  "an answer of another service":
    [answerOf(634, Buffer.concat([header(0), words(-1, -1)])), /ProtocolViolation: .* because it answers with another service than it was asked for \(type 634\)/],
  "what no service answers with":
    [answerOf(17_537, Buffer.concat([header(0), words(-1)])), /ProtocolViolation: .* \(type 17537\)/],
  "a header that is cut off":
    [answerOf(getEndpointsResponse, Buffer.alloc(5)), /ProtocolViolation: .* because it sends what is no response \(the message is cut off\)/],
  "more elements than endpoints can have":
    [answerOf(getEndpointsResponse, Buffer.concat([header(0), words(20_000), Buffer.alloc(200_000)])), /BadEncodingLimitsExceeded/],
  "an answer that ends too early":
    [answerOf(getEndpointsResponse, Buffer.concat([header(0), words(2)])), /BadDecodingError/],
  "answers that nobody asked for":
    [{ endpoints: (_requestId, nextSequence) => Array.from({ length: 1000 }, () => messageChunks(late, 999, nextSequence)).flat() },
      /ProtocolViolation: .* because it floods us with answers that nobody asked for/],
  "abandoned answers":
    [{ endpoints: (_requestId, nextSequence) => Array.from({ length: 1000 }, () => abandoned(nextSequence())) }, /ProtocolViolation: .* floods/],
  "a second channel":
    [{ endpoints: () => [chunk("OPN", words(1), Buffer.alloc(100))] }, /ProtocolViolation: .* because it opens a channel that nobody asked for/],
  "a Hello of its own":
    [{ endpoints: () => [chunk("HEL", Buffer.alloc(100))] }, /ProtocolViolation: .* because it sends what is no message of a secure channel/],
  "the right answer behind what is no message":
    [{ endpoints: (...asked) => [Buffer.concat([chunk("HEL", Buffer.alloc(100)), ...messageChunks(late, asked[0], asked[1])])] }, /ProtocolViolation: .* no message of a secure channel/],
  "a chunk out of its order":
    [{ endpoints: (requestId) => messageChunks(late, requestId, () => 0x7000_0000) }, /ProtocolViolation: .* because it sends what cannot be taken \(/],
  "a channel in two chunks":
    [{ opening: () => [asIntermediate(chunk("OPN", words(1), Buffer.alloc(100)))] }, /ProtocolViolation: .* because it opens the channel with more than one chunk/],
};

function abandoned(sequence: number): Buffer {
  const made = chunk("MSG", words(1, 1, sequence, 999), words(0x80000000, -1));
  made.write("A", 3, "latin1");
  return made;
}

function asIntermediate(made: Buffer): Buffer {
  made.write("C", 3, "latin1");
  return made;
}

for (const [what, [changes, expected]] of Object.entries(violations)) {
  test(`a server that sends ${what} is left, and it is said why`, async () => {
    assert.match(await refusal(changes), expected);
  });
}

test("some late answers are passed over, and the right one is taken", async () => {
  const message = await refusal({
    endpoints: (requestId, nextSequence) => [
      ...Array.from({ length: 10 }, () => messageChunks(late, 999, nextSequence)).flat(),
      ...messageChunks(late, requestId, nextSequence),
    ],
  });
  assert.match(message, /the server lists no endpoint/);
});

test("an answer that comes when the library does not wait for it any more is passed over", async (t) => {
  const { minTransactionTimeout } = ClientSecureChannelLayer;
  ClientSecureChannelLayer.minTransactionTimeout = 1;
  t.after(() => (ClientSecureChannelLayer.minTransactionTimeout = minTransactionTimeout));
  let unanswered: number | undefined;
  await using rogue = await startRogue({
    endpoints: (requestId, nextSequence) => {
      const answered = unanswered === undefined ? [] : [unanswered, requestId];
      unanswered = requestId;
      return answered.flatMap((id) => messageChunks(late, id, nextSequence));
    },
  });
  const channel = new ClientSecureChannelLayer({ defaultSecureTokenLifetime: 600_000 });
  const gate = new ResponseGate(channel, undefined);
  await answerOfCall((done) => channel.create(rogue.url, done));
  // oxlint-disable-next-line no-underscore-dangle -- as the gate finds it
  const listeners = (): number | undefined => channel._getMessageBuilder()?.listenerCount("abandon");
  const before = listeners();
  const ask = (timeoutHint: number): Promise<Response | undefined> => {
    const request = new GetEndpointsRequest({ requestHeader: { timeoutHint } });
    return answerOfCall((done) => channel.performMessageTransaction(request, done));
  };
  await assert.rejects(ask(1), /timed out/);
  await until("it is asked", () => rogue.answered === 1);
  assert.ok((await ask(20_000)) instanceof GetEndpointsResponse);
  assert.equal(gate.violation, undefined);
  assert.equal(listeners(), before, "it stands there once, however many requests there are");
  await answerOfCall((done) => channel.close(done));
});

test("a header full of what nobody reads is passed over", async () => {
  assert.match(
    await refusal({ endpoints: endpointsAnswer(additionalHeaderBomb(50_000)) }),
    /the server lists no endpoint/,
  );
});

test("a token whose lifetime no timer can hold is not renewed at once, again and again", async () => {
  const overflows: string[] = [];
  const onWarning = ({ name, message }: Error): void =>
    void (name === "TimeoutOverflowWarning" && overflows.push(message));
  process.on("warning", onWarning);
  await refusal({
    opening: (...asked) =>
      honest.opening(...asked).map((made) => {
        const longest = Buffer.from(made);
        longest.writeUInt32LE(0xffff_ffff, longest.length - 8);
        return longest;
      }),
  });
  await nextTurn();
  process.off("warning", onWarning);
  assert.deepEqual(overflows, []);
});
