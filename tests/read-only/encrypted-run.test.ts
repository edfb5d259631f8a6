// What a proxy cannot see, the server tells: every request that it got from a whole run with encryption, including those that
// node-opcua makes by itself to learn the server's own structures.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DataType, Variant } from "node-opcua-client";
import { Sandbox } from "../partition/commands/cpc.ts";
import { loginXml, opcUaServersXml } from "../plant/configuration-xml.ts";
import { addConstant, certificateIn, portOf, startServer } from "../plant/opcua-server.ts";
import { structureOf } from "../partition/protocols/opcua/own-structure.ts";
import { recordOpcUa } from "../plant/recording-proxy.ts";

function opcuaXml(port: number, nodes: readonly string[]): string {
  return opcUaServersXml({
    alias: "Server",
    url: `opc.tcp://127.0.0.1:${port}`,
    settings: "<retryInterval>0.1</retryInterval>",
    policy: "Aes256Sha256RsaPss",
    security: loginXml({ name: "operator", password: "right" }),
    nodes: nodes.map((name) => ({ name, dataType: "Variable" })),
  });
}

test(
  "a whole run with encryption and a password asks for nothing but values and types",
  { timeout: 200_000 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const trusted = join(sandbox.folder, "certificates", "trusted", "certs");
    mkdirSync(trusted, { recursive: true });
    const certificate = await certificateIn(sandbox.folder, "server");
    copyFileSync(certificate.certificateFile, join(trusted, "server.der"));
    const { server, url } = await startServer({
      folder: sandbox.folder,
      certificate,
      users: { operator: "right" },
      build: (built) => {
        addConstant(built, "number", new Variant({ dataType: DataType.Double, value: 1.5 }));
        addConstant(built, "structure", structureOf(built));
      },
    });
    t.after(() => server.shutdown(0));
    const arrived: string[] = [];
    server.on("request", (request: object) => arrived.push(request.constructor.name));
    const proxy = await recordOpcUa(portOf(url), true);
    t.after(() => proxy.close());

    sandbox.write("opcua.xml", opcuaXml(proxy.port, ["number", "structure"]));
    const run = sandbox.run("--opcua", "opcua.xml");
    const reads = async (what: string): Promise<void> => {
      const before = arrived.filter((name) => name === "ReadRequest").length;
      await run.until(
        `values are read ${what}`,
        () => arrived.filter((name) => name === "ReadRequest").length > before + 5,
      );
    };
    await run.until("the structure is decoded", () =>
      JSON.stringify(sandbox.document("opcua_shm") ?? {}).includes("Antrieb"),
    );
    await reads("at the start");
    proxy.cut();
    await reads("after the connection was lost");
    sandbox.write("opcua.xml", opcuaXml(proxy.port, ["structure", "number"]));
    run.signal("SIGHUP");
    await run.until("the change is taken over", () => run.logged(/configuration applied/).length > 0);
    await reads("with another configuration");
    assert.equal((await run.end()).code, 0);

    assert.deepEqual([...new Set(arrived)].toSorted(), [
      "ActivateSessionRequest",
      "BrowseRequest",
      "CloseSessionRequest",
      "CreateSessionRequest",
      "GetEndpointsRequest",
      "ReadRequest",
    ]);
    // On the wire they were encrypted, all but those that find the server's certificate.
    assert.deepEqual([...new Set(proxy.requests.map(({ service }) => service))].toSorted(), [
      "CloseSecureChannel",
      "GetEndpoints",
      "Hello",
      "OpenSecureChannel",
      "encrypted",
    ]);
  },
);
