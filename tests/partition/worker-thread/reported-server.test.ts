import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import type { PollingReport } from "../../../packages/partition/src/worker-thread/polling-messages.ts";
import { ReportedServer } from "../../../packages/partition/src/worker-thread/reported-server.ts";

test("a publication is taken when the service's thread has done with it; after a stop no later one ever is", () => {
  const reports: PollingReport[] = [];
  const line = { taken: 0, report: (one: PollingReport): number => reports.push(one) };
  const server = new ReportedServer(0, 1, line);
  const [group] = server.groups;
  const receipts = [1, 2, 3].map(() => {
    group?.begin();
    group?.publish(ConnectionState.connected);
    return group?.receipt?.();
  });
  const known = (): readonly unknown[] => receipts.map((receipt) => receipt?.());
  assert.deepEqual(known(), [undefined, undefined, undefined]);
  line.taken = 1;
  assert.deepEqual(known(), [true, undefined, undefined]);
  // The last one is done with, too: it was not shown.
  server.stopped(2);
  line.taken = 3;
  assert.deepEqual(known(), [true, true, false]);
  assert.equal(reports.length, 3);
});

test("a state is reported when it differs from what is shown, however often it is told", () => {
  const reports: PollingReport[] = [];
  const server = new ReportedServer(0, 1, { taken: 0, report: (one) => reports.push(one) });
  const { connected, lost, waiting } = ConnectionState;
  server.show({ connection: waiting });
  for (let poll = 0; poll < 2; poll++) server.show({ connection: connected, requestLimit: 5 });
  server.showEverywhere({ connection: lost }, 0x80050000);
  server.show({ connection: lost });
  assert.deepEqual(reports, [
    { kind: "shown", server: 0, state: { connection: connected, requestLimit: 5 } },
    { kind: "shown everywhere", server: 0, state: { connection: lost }, status: 0x80050000 },
  ]);
});
