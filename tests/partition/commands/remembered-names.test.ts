// `cpc run` remembers what servers called their nodes, beside the certificates folder or where it is told to.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { addDoubles, certificateIn, startServer } from "../../plant/opcua-server.ts";
import { Sandbox } from "./cpc.ts";
import { opcUaXml } from "../../plant/configuration-xml.ts";

const watchdog = { timeout: 200_000 };

test(
  "the names file lies beside the certificates folder, or in --state, and decides the keys of the next run",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { server, url } = await startServer({
      folder: sandbox.folder,
      certificate: await certificateIn(sandbox.folder, "server"),
      policies: [],
      build: (started) => addDoubles(started, ["a"]),
    });
    t.after(() => server.shutdown(0));
    const file = sandbox.write("opcua.xml", opcUaXml({ alias: "A", url, policy: "None" }));
    const valueUnder = async (key: string, ...options: readonly string[]) => {
      const run = sandbox.run("--opcua", file, ...options);
      await run.until(`there is ${key}`, () => sandbox.value(key, "opcua_shm") !== undefined);
      await run.end();
    };

    const certificates = join(sandbox.folder, "pki", "certificates");
    const beside = join(sandbox.folder, "pki", `${sandbox.prefix}opcua_names.json`);
    await valueUnder("1:a", "--certificates", certificates);
    const names = readFileSync(beside, "utf8");
    assert.match(names, /"1:a","1:a"/);

    const state = join(sandbox.folder, "state");
    mkdirSync(state);
    renameSync(beside, join(state, `${sandbox.prefix}opcua_names.json`));
    writeFileSync(
      join(state, `${sandbox.prefix}opcua_names.json`),
      names.replace('"1:a","1:a"', '"1:a","1:as before"'),
    );
    await valueUnder("1:as before", "--certificates", certificates, "--state", state);
  },
);
