import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ReadResponse } from "node-opcua-client";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { until } from "../../../until.ts";
import { Stopwatch } from "../../../faults/stopwatch.ts";
import { freePort } from "../../../plant/free-port.ts";
import { configuredServer, never, nodeNamed, portOf, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";
import { TcpProxy } from "../../../plant/tcp-proxy.ts";

const rig = new OpcUaRig({ policies: ["Basic256Sha256"] });

function fails(work: Promise<unknown>, code: FailureKind, message = /^cannot |^the connection /): Promise<void> {
  return assert.rejects(work, (error: ServerError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

describe("a connect", () => {
  test("says when nothing listens", async () => {
    const port = await freePort();
    await fails(rig.client({}, `opc.tcp://127.0.0.1:${port}`).connect(never), "ConnectionFailed", /connection refused/);
  });

  test("says when the name is unknown", async () => {
    await fails(
      // Where no name server answers, the system gives up after twenty seconds.
      rig.client({ timeoutMs: 60_000 }, "opc.tcp://no-such-host.invalid:4840").connect(never),
      "ConnectionFailed",
      /DNS/,
    );
  });

  test("gives up after the time-out when the other side accepts and never answers, and closes its socket", async () => {
    const accepted: Socket[] = [];
    const silent = createServer((socket) => accepted.push(socket.on("error", () => undefined))).listen(0, "127.0.0.1");
    await once(silent, "listening");
    try {
      const { port } = silent.address() as AddressInfo;
      await fails(
        rig.client({ timeoutMs: 400 }, `opc.tcp://127.0.0.1:${port}`).connect(never),
        "Timeout",
        /no answer came within 400 ms; it accepts the connection and does not answer as an OPC UA server does: check the port/,
      );
      for (const socket of accepted) socket.resume();
      await until("its socket is closed", () => accepted.length === 1 && accepted.every((socket) => socket.destroyed));
    } finally {
      silent.close();
    }
  });

  test("survives a peer that speaks something else", async () => {
    const web = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    try {
      const { port } = web.address() as AddressInfo;
      const connecting = rig.client({}, `opc.tcp://127.0.0.1:${port}`).connect(never);
      await fails(connecting, "ConnectionFailed", /does not speak OPC UA/);
    } finally {
      web.close();
    }
  });

  test("stops when it is told to", async () => {
    const silent = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    try {
      const { port } = silent.address() as AddressInfo;
      const stop = new AbortController();
      const connecting = fails(
        rig.client({ timeoutMs: 60_000 }, `opc.tcp://127.0.0.1:${port}`).connect(stop.signal),
        "Stopped",
      );
      await once(silent, "connection");
      stop.abort();
      await connecting;
    } finally {
      silent.close();
    }
  });

  test("ends after the time-out whenever the server falls silent on the way, and expects no farewell from it", async () => {
    // The n-th piece of data from the server and all later ones are lost, over both connections.
    for (const lost of [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]) {
      let pieces = 0;
      const proxy = await TcpProxy.start(portOf(rig.url));
      proxy.faults.spoil = (direction, bytes) => (direction === "to server" || ++pieces < lost ? bytes : undefined);
      const stopwatch = new Stopwatch();
      await fails(rig.client({ timeoutMs: 150 }, proxy.url).connect(never), "Timeout");
      const { isWithin, text } = stopwatch.stop(2000);
      assert.ok(isWithin, `waits for an answer to its farewell: ${text}`);
      await until("the proxy has no connection", () => proxy.open === 0);
      await proxy.close();
    }
  });

  test("says in words of its own that the server ended the connection, whenever it does", async () => {
    const reasons =
      /^cannot .+ because the server closed the connection( before a channel was open(, or does not speak OPC UA)?)?$|^the connection to \S+ was lost$/;
    for (const end of ["destroy", "resetAndDestroy"] as const) {
      for (const last of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
        let pieces = 0;
        const proxy = await TcpProxy.start(portOf(rig.url));
        proxy.faults.spoil = (direction, bytes, { client: socket }) => {
          if (direction === "to server" || ++pieces < last) return bytes;
          socket[end]();
          return undefined;
        };
        await fails(rig.client({}, proxy.url).connect(never), "ConnectionFailed", reasons);
        await proxy.close();
      }
    }
  });
});

describe("a poll", () => {
  test("notices a server that falls silent after the time-out, and disconnect does not wait for it", async () => {
    const proxy = await rig.proxy();
    const of = await rig.connected({ timeoutMs: 1500 }, proxy.url);
    proxy.faults.drop = new Set(["to client"]);
    await fails(of.poll(new RecordingSink(), never), "Timeout");
    await of.disconnect();
    await until("the proxy has no connection", () => proxy.open === 0);
    proxy.mend();
    await of.connect(never);
    const sink = await polled(of);
    assert.equal(sink.values.get(0)?.value, 0);
  });

  test("notices a cut connection", async () => {
    const proxy = await rig.proxy();
    const of = await rig.connected({}, proxy.url);
    proxy.cut();
    await fails(of.poll(new RecordingSink(), never), "ConnectionFailed");
    await until("the proxy has no connection", () => proxy.open === 0);
    await fails(of.poll(new RecordingSink(), never), "ConnectionFailed");
    assert.equal(proxy.connections, 2, "endpoints and session: nobody reconnects but the caller");
  });

  test("never takes an answer that comes twice for another one's", async () => {
    let twice = false;
    const onChannel = (channel: unknown): void => {
      const sender = channel as { send_response: (...message: unknown[]) => void };
      const send = sender.send_response.bind(sender);
      sender.send_response = (...message) => {
        send(...message);
        if (twice) send(...message);
      };
    };
    rig.server.on("newChannel", onChannel);
    try {
      const of = await rig.connected();
      twice = true;
      for (let i = 0; i < 3; i++) {
        const sink = await polled(of);
        assert.equal(sink.values.get(0)?.value, 0);
      }
    } finally {
      rig.server.off("newChannel", onChannel);
    }
  });

  test("stops when it is told to", async () => {
    const proxy = await rig.proxy();
    const of = await rig.connected({ timeoutMs: 60_000 }, proxy.url);
    proxy.faults.drop = new Set(["to client"]);
    const stop = new AbortController();
    const polling = fails(of.poll(new RecordingSink(), stop.signal), "Stopped");
    stop.abort();
    await polling;
  });
});

describe("a disconnect", () => {
  test("closes the session at the server", async () => {
    const of = rig.client();
    const sessions = rig.server.engine.currentSessionCount;
    await of.connect(never);
    assert.equal(rig.server.engine.currentSessionCount, sessions + 1);
    await of.disconnect();
    await until("the server has closed it", () => rig.server.engine.currentSessionCount === sessions);
    await of.disconnect();
  });

  test("leaves nothing that keeps a process alive, and node-opcua, when silenced, writes nothing on the console", async () => {
    const source = `
      import { OpcUaClient } from "./packages/partition/src/library/opcua-client.ts";
      import { silenceNodeOpcUa } from "./packages/partition/src/protocols/opcua/silence.ts";
      silenceNodeOpcUa();
      const [server, directory] = JSON.parse(process.argv[1]);
      const client = new OpcUaClient(server, { directory });
      const never = new AbortController().signal;
      const sink = { responseCame() {}, setNumber() {}, setTimedNumber() {}, setValue() {}, setStatus() {} };
      await client.connect(never);
      await client.poll(sink, never);
      await client.disconnect();
      await client.connect(never);
      await client.disconnect();
      await new OpcUaClient({ ...server, endpointUrl: "opc.tcp://127.0.0.1:1" }, { directory }).connect(never).catch(() => {});
      await new OpcUaClient({ ...server, policy: "Basic256Sha256", mode: "Sign" }, { directory }).connect(never).catch(() => {});`;
    const settings = JSON.stringify([configuredServer(rig.url, { nodes: [nodeNamed("a")] }), rig.directory]);
    rig.server.on("response", spoilStatus);
    const child = execFile(process.execPath, ["--input-type=module", "-e", source, settings], {
      cwd: join(import.meta.dirname, "../../../.."),
    });
    let output = "";
    child.stdout?.on("data", (data) => (output += String(data)));
    child.stderr?.on("data", (data) => (output += String(data)));
    const [code] = (await once(child, "close")) as [number];
    rig.server.off("response", spoilStatus);
    assert.equal(output, "");
    assert.equal(code, 0);
  });
});

/** Answers with a status code that is not in the standard's table. */
function spoilStatus(response: unknown): void {
  const result = response instanceof ReadResponse ? response.results?.[0] : undefined;
  if (result !== undefined) result.statusCode = Object.create(result.statusCode, { value: { value: 0x80ff0000 } });
}
