import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientSecureChannelLayer, ClientSession } from "node-opcua-client";
import type { ChannelRecord } from "../../../../packages/partition/src/protocols/opcua/channel/channel-record.ts";
import { SessionState } from "../../../../packages/partition/src/protocols/opcua/session-state.ts";
import { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";

const channel = { layer: {} as ClientSecureChannelLayer, record: {} as ChannelRecord };
const session = {} as ClientSession;
const first = new ServerError("ConnectionFailed", "server", "first");
const second = new ServerError("Timeout", "server", "second");

function opened(): SessionState {
  const state = new SessionState();
  state.set({ is: "opening", channel });
  state.set({ is: "open", channel, session, weakness: undefined });
  return state;
}

test("the first reason for which a session is lost counts, and a reason more than none", () => {
  const state = opened();
  assert.equal(state.isAlive, true);
  state.lose();
  assert.deepEqual([state.isAlive, state.reason], [false, undefined]);
  state.lose(first);
  state.lose(second);
  assert.equal(state.reason, first);
});

test("a session that is lost still has its channel, to be closed", () => {
  const state = opened();
  state.lose(first);
  assert.equal(state.channel, channel);
  assert.equal(new SessionState().channel, undefined);
});

test("what is closed stays closed, with the reason that it had", () => {
  const state = opened();
  state.lose(first);
  state.set({ is: "closed", channel, reason: first, done: Promise.resolve() });
  state.lose(second);
  assert.deepEqual([state.now.is, state.reason, state.isAlive], ["closed", first, false]);
});
