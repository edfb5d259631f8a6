// The output against nats-server itself: what is stored, what is dropped as a repeat, what a cut or a refusal looks like.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { DiscardPolicy } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { nameOf } from "../../../../packages/bridge/src/names.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { OutputError, type Session } from "../../../../packages/bridge/src/outputs/output.ts";
import { CertificateFolder, clientUse, serverUse } from "../../../plant/certificate-folder.ts";
import { startNats, startNatsCluster } from "../../engines/nats-server.ts";
import { changesOf, contextOf, jetStreamOutput } from "./jetstream-rig.ts";
import { StreamReader } from "./stream-reader.ts";

const watchdog = { timeout: 60_000 };

async function connected(
  t: TestContext,
  settings: Readonly<Record<string, unknown>>,
  logged?: string[],
): Promise<Session> {
  const session = await jetStreamOutput(settings).connect(contextOf(logged));
  t.after(async () => await session.end());
  return session;
}

async function refusal(settings: Readonly<Record<string, unknown>>): Promise<OutputError> {
  try {
    const session = await jetStreamOutput(settings).connect(contextOf());
    await session.end();
  } catch (error) {
    assert.ok(error instanceof OutputError);
    return error;
  }
  throw new TypeError("the connection came about");
}

test("each change is stored once, in order, whether it is sent once or again", watchdog, async (t) => {
  const server = await startNats(t);
  const session = await connected(t, { address: `nats://127.0.0.1:${server.port}` });
  const changes = changesOf(5000);
  await session.publish({ kind: "live", isRepeat: false, changes });
  await session.publish({ kind: "history", isRepeat: true, changes: changes.slice(4000) });
  const reader = await StreamReader.open(t, server.port);
  const arrived = await reader.next();
  assert.equal(arrived.length, 5000);
  assert.deepEqual(
    arrived.map(({ json }) => (json as { value: number }).value),
    changes.map(({ value }) => value),
  );
  const elements = arrived[0]!.subject.split(".");
  assert.deepEqual([elements.length, ...elements.slice(0, 2)], [4, "cpc", "live"]);
  assert.deepEqual(elements.slice(2).map(nameOf), ["Kessel 1", "Kessel 1: Temperatur °C"]);
});

test(
  "in the layout server a message holds the changes of a server, and a repeated batch is dropped",
  watchdog,
  async (t) => {
    const server = await startNats(t);
    const session = await connected(t, {
      address: `nats://127.0.0.1:${server.port}`,
      layout: "server",
      subject: "plant1.gw7",
    });
    const changes = [...changesOf(1500), ...changesOf(10, 1500, "B", "B: x")];
    await session.publish({ kind: "live", isRepeat: false, changes });
    await session.publish({ kind: "history", isRepeat: true, changes });
    const reader = await StreamReader.open(t, server.port, "PLANT1_GW7");
    const arrived = await reader.next();
    assert.deepEqual(
      arrived.map(({ subject, json }) => [subject, (json as unknown[]).length]),
      [
        ["plant1.gw7.live.Kessel%201", 1000],
        ["plant1.gw7.live.Kessel%201", 500],
        ["plant1.gw7.live.B", 10],
      ],
    );
  },
);

test(
  "messages stay within what the server takes, a repeat has the same ones, and a value that none can hold is bad",
  watchdog,
  async (t) => {
    const server = await startNats(t, { lines: () => ["max_payload: 8192"] });
    const logged: string[] = [];
    const session = await connected(t, { address: `nats://127.0.0.1:${server.port}`, layout: "server" }, logged);
    const large = { ...changesOf(1, 3000)[0]!, type: BuiltInType.String, value: "ü".repeat(5000) };
    const changes = [...changesOf(3000), large];
    await session.publish({ kind: "live", isRepeat: false, changes });
    for (let first = 0; first < changes.length; first += 2000)
      await session.publish({ kind: "history", isRepeat: true, changes: changes.slice(first, first + 2000) });
    const reader = await StreamReader.open(t, server.port);
    const values = (await reader.next()).flatMap(({ json }) => json as { value: unknown; status?: string }[]);
    assert.deepEqual(
      values.map(({ value }) => value),
      [...Array.from({ length: 3000 }, (_, n) => n), null],
    );
    assert.equal(values.at(-1)?.status, "BadEncodingLimitsExceeded");
    assert.match(logged.join("\n"), /max_payload of the server/);
  },
);

/** Another stream, of a hub for example, may take the same subjects. */
const answersOfOthers = [
  "",
  "ok",
  '{"stored":true,"error":1}',
  '{"stream":"SITE","seq":1}',
  '{"stream":"CPC2","seq":1}',
  '{"error":{"code":503,"err_code":10023,"description":"insufficient resources"},"stream":"SITE","seq":0}',
  '{"error":',
];

test("an answer of anybody else is no acknowledgement", watchdog, async (t) => {
  const server = await startNats(t);
  const address = `nats://127.0.0.1:${server.port}`;
  const session = await connected(t, { address, timeout: "1s" });
  const consumer = await connect({ servers: `127.0.0.1:${server.port}` });
  t.after(async () => await consumer.close());
  consumer.subscribe("cpc.live.>", {
    callback: (_error, message) => {
      for (const answer of answersOfOthers) message.respond(answer);
    },
  });
  await consumer.flush();
  const reader = await StreamReader.open(t, server.port);
  await session.publish({ kind: "live", isRepeat: false, changes: changesOf(100) });
  assert.equal((await reader.next()).filter(({ subject }) => subject.startsWith("cpc.live")).length, 100);
  await reader.manager.streams.delete("CPC");
  const deliveries = session.publish({ kind: "live", isRepeat: false, changes: changesOf(100, 100) });
  await assert.rejects(deliveries, {
    code: "Timeout",
    message: /acknowledged nothing for 1 s; \d+ answers came from others/,
  });
});

test(
  "gateways that share a stream are told apart, though their changes have the same run and position",
  watchdog,
  async (t) => {
    const server = await startNats(t);
    const address = `nats://127.0.0.1:${server.port}`;
    const site = await StreamReader.open(t, server.port, "SITE");
    await site.manager.streams.add({ name: "SITE", subjects: ["site.>"], allow_direct: true });
    for (const subject of ["site.g1", "site.g2"]) {
      const session = await connected(t, { address, subject, stream: "SITE" });
      await session.publish({ kind: "live", isRepeat: false, changes: changesOf(10) });
    }
    assert.equal((await site.next()).length, 20);
  },
);

test("births and figures are stored, too, and the end is told", watchdog, async (t) => {
  const server = await startNats(t);
  const session = await connected(t, { address: `nats://127.0.0.1:${server.port}` });
  const births = [
    { service: "opcua", server: "Kessel 1", isConnected: true, values: changesOf(1) },
    { service: "opcua", server: "B", isConnected: false, values: changesOf(1, 1, "B", "B: x") },
  ] as const;
  await session.publishBirths(births, "all");
  await session.publishBirths(births, "all");
  await session.publishFigures({ queuedChanges: 1, queuedBytes: 2, droppedChanges: 3, lostChanges: 4 });
  await session.end();
  const reader = await StreamReader.open(t, server.port);
  const arrived = (await reader.next()).map(({ subject, json }) => [subject, json]);
  assert.deepEqual(arrived.slice(0, 2), [
    ["cpc.bridge", { online: true }],
    ["cpc.servers.Kessel%201", { connected: true }],
  ]);
  assert.deepEqual(arrived[3], ["cpc.servers.B", { connected: false }]);
  assert.equal(arrived.filter(([subject]) => String(subject).startsWith("cpc.live.")).length, 2);
  assert.deepEqual(arrived.at(-2)?.[1], {
    online: true,
    queuedChanges: 1,
    queuedBytes: 2,
    droppedChanges: 3,
    lostChanges: 4,
  });
  assert.deepEqual(arrived.at(-1)?.[1], { online: false });
});

test("a server that is killed ends the session, and nothing counts as taken", watchdog, async (t) => {
  const server = await startNats(t);
  const session = await connected(t, { address: `nats://127.0.0.1:${server.port}` });
  const publishing = session.publish({ kind: "live", isRepeat: false, changes: changesOf(200_000) });
  const rejected = assert.rejects(publishing, { name: "OutputError", code: "Lost" });
  await server.kill();
  await rejected;
  assert.equal((await session.ended).code, "Lost");
});

test("a server that hangs ends the session after the timeout", watchdog, async (t) => {
  const server = await startNats(t);
  const session = await connected(t, { address: `nats://127.0.0.1:${server.port}`, timeout: "200ms" });
  server.signal("SIGSTOP");
  await assert.rejects(session.publish({ kind: "live", isRepeat: false, changes: changesOf(10) }), {
    code: "Timeout",
    message: /acknowledged nothing for 0.2 s/,
  });
});

test(
  "a stream that takes other subjects, acknowledges nothing, or is not there is refused with the remedy",
  watchdog,
  async (t) => {
    const server = await startNats(t);
    const address = `nats://127.0.0.1:${server.port}`;
    const reader = await StreamReader.open(t, server.port);
    await reader.manager.streams.add({ name: "CPC", subjects: ["other.>"] });
    await reader.manager.streams.add({ name: "MUTE", subjects: ["mute.>"], no_ack: true });
    const other = await refusal({ address });
    assert.deepEqual([other.code, other.isForPeople], ["Refused", true]);
    assert.match(other.message, /the stream CPC .* takes other\.> and not cpc\.>; add that/);
    assert.match((await refusal({ address, subject: "mute", stream: "MUTE" })).message, /set its no_ack to false/);
    assert.match(
      (await refusal({ address, stream: "NONE", createStream: false })).message,
      /there is no stream NONE .*createStream: true/,
    );
  },
);

test("a full stream that drops nothing refuses, and the refusal is for people", watchdog, async (t) => {
  const server = await startNats(t);
  const reader = await StreamReader.open(t, server.port);
  await reader.manager.streams.add({ name: "CPC", subjects: ["cpc.>"], max_msgs: 100, discard: DiscardPolicy.New });
  const session = await connected(t, { address: `nats://127.0.0.1:${server.port}` });
  const changes = changesOf(101);
  await assert.rejects(session.publish({ kind: "live", isRepeat: false, changes }), {
    code: "Refused",
    message: /maximum messages exceeded/,
  });
});

test(
  "logins and permissions: wrong, without the right to look, without the right to publish, revoked while running",
  watchdog,
  async (t) => {
    let password = "first";
    const server = await startNats(t, {
      lines: () => [
        `authorization { users: [`,
        `  { user: bridge, password: ${password} }`,
        `  { user: publisher, password: p, permissions: { publish: "cpc.>", subscribe: "_INBOX.>" } }`,
        `  { user: reader, password: p, permissions: { publish: ["$JS.API.>"], subscribe: "_INBOX.>" } }`,
        `] }`,
      ],
    });
    const address = `nats://127.0.0.1:${server.port}`;
    const wrong = await refusal({ address, user: "bridge", password: "wrong" });
    assert.equal(wrong.code, "Refused");
    assert.match(wrong.message, /refuses the login .*user, password/);

    const session = await connected(t, { address, user: "bridge", password });
    await session.publish({ kind: "live", isRepeat: false, changes: changesOf(3) });
    const logged: string[] = [];
    const publisher = await connected(t, { address, user: "publisher", password: "p" }, logged);
    assert.match(logged.join(), /cannot look at the stream CPC because .* does not permit it/);
    await publisher.publish({ kind: "live", isRepeat: false, changes: changesOf(3, 3) });

    const reader = await connected(t, { address, user: "reader", password: "p", timeout: "2s" });
    await assert.rejects(reader.publish({ kind: "live", isRepeat: false, changes: changesOf(3, 6) }), {
      code: "Refused",
      message: /does not permit this user to publish/,
    });

    password = "second";
    server.rewrite();
    server.signal("SIGHUP");
    assert.equal((await session.ended).code, "Refused");
  },
);

test("TLS: the server's certificate and name are verified, and the client shows its own", watchdog, async (t) => {
  const folder = new CertificateFolder();
  t.after(() => folder.remove());
  const authority = await folder.make("authority", { isAuthority: true });
  const holder = await folder.make("server", { issuer: authority, names: ["127.0.0.1"], usage: serverUse });
  const client = await folder.make("client", { issuer: authority, usage: clientUse });
  const stranger = await folder.make("stranger", { isAuthority: true });
  const server = await startNats(t, {
    lines: () => [
      `tls { cert_file: "${holder.certificateFile}", key_file: "${holder.keyFile}", ca_file: "${authority.certificateFile}", verify: true }`,
    ],
  });
  const address = `tls://127.0.0.1:${server.port}`;
  const own = { certificate: client.certificateFile, key: client.keyFile };
  const session = await connected(t, { address, tls: { ca: authority.certificateFile, ...own } });
  await session.publish({ kind: "live", isRepeat: false, changes: changesOf(3) });
  const untrusted = await refusal({ address, tls: { ca: stranger.certificateFile, ...own } });
  assert.deepEqual([untrusted.code, untrusted.isForPeople], ["Certificate", true]);
  const misnamed = await refusal({
    address,
    tls: { ca: authority.certificateFile, ...own, serverName: "hub.example" },
  });
  assert.equal(misnamed.code, "Certificate");
  assert.match(misnamed.message, /hub\.example/);
  await refusal({ address, tls: { ca: authority.certificateFile } });
  await refusal({ address: `nats://127.0.0.1:${server.port}` });
});

test("a login is never sent to a server that offers no TLS, though it was wished", watchdog, async (t) => {
  const server = await startNats(t);
  const error = await refusal({ address: `tls://127.0.0.1:${server.port}`, user: "bridge", password: "p" });
  assert.equal(error.code, "Certificate");
  assert.match(error.message, /does not offer TLS/);
});

test(
  "a cluster: one server dies, the next connection is to another one, and nothing stored is missing",
  watchdog,
  async (t) => {
    const servers = await startNatsCluster(t);
    const [address = "", ...alternatives] = servers.map(({ port }) => `nats://127.0.0.1:${port}`);
    const output = jetStreamOutput({ address, alternatives, replicas: 3 });
    let session: Session | undefined;
    t.after(async () => await session?.end());
    const reconnect = async (): Promise<Session> => {
      for (;;) {
        try {
          return (session = await output.connect(contextOf()));
        } catch (error) {
          assert.ok(error instanceof OutputError && !error.isForPeople, String(error));
          await pause(100);
        }
      }
    };
    const publish = async (first: number, isRepeat: boolean): Promise<void> => {
      for (let repeat = isRepeat; ; repeat = true) {
        try {
          await (await reconnect()).publish({ kind: "live", isRepeat: repeat, changes: changesOf(500, first) });
          await session?.end();
          return;
        } catch (error) {
          assert.ok(error instanceof OutputError && !error.isForPeople, String(error));
          await session?.end();
        }
      }
    };
    await publish(0, false);
    const publishing = publish(500, false);
    await servers[0]!.kill();
    await publishing;
    await publish(1000, false);
    const reader = await StreamReader.open(t, servers[1]!.port);
    const values = (await reader.next())
      .filter(({ subject }) => subject.includes(".live."))
      .map(({ json }) => (json as { value: number }).value);
    assert.deepEqual(
      [...new Set(values)].toSorted((a, b) => a - b),
      changesOf(1500).map(({ value }) => value),
    );
    assert.equal(values.length, 1500, "repeats were dropped");
  },
);
