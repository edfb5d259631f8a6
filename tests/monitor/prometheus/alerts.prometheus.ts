import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { simulatedPlant } from "../browser/simulated-plant.ts";

const watchdog = { timeout: 150_000 };
const deploy = join(import.meta.dirname, "../../../deploy");
const rulesFile = join(deploy, "prometheus/cpc-partition.rules.yml");
const testFile = join(deploy, "prometheus/cpc-partition.test.yml");

function promtool(...args: readonly string[]): string {
  return execFileSync("promtool", args, { encoding: "utf8", cwd: join(deploy, "prometheus"), stdio: "pipe" });
}

test("the rules are sound, each alert fires in its test, and none while all is well", watchdog, () => {
  promtool("check", "config", "prometheus.yml");
  promtool("check", "rules", rulesFile);
  promtool("test", "rules", testFile);
  const alerts = Array.from(readFileSync(rulesFile, "utf8").matchAll(/- alert: (\w+)/g), ([, name]) => name);
  const tested = Array.from(readFileSync(testFile, "utf8").matchAll(/- name: (Cpc\w+)/g), ([, name]) => name);
  assert.ok(alerts.length > 10);
  assert.deepEqual(tested, alerts);
});

test("an alert that does not fire any more is a failure", watchdog, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(testFile, join(folder, "cpc-partition.test.yml"));
  const rules = readFileSync(rulesFile, "utf8");
  writeFileSync(join(folder, "cpc-partition.rules.yml"), rules.replace("expr: cpc_up == 0", "expr: cpc_up == 2"));
  assert.throws(() => promtool("test", "rules", join(folder, "cpc-partition.test.yml")));
});

test("each alert names a row of the operations handbook", () => {
  const handbook = readFileSync(join(import.meta.dirname, "../../../docs/operations.md"), "utf8");
  const sections = new Map(handbook.split(/^## /m).map((text) => [text.split("\n", 1)[0] ?? "", text]));
  const named = Array.from(
    readFileSync(rulesFile, "utf8").matchAll(/handbook: "docs\/operations\.md, ([^:]+): (.*)"/g),
  );
  assert.ok(named.length > 10);
  for (const [, section = "", row = ""] of named)
    assert.ok(sections.get(section)?.includes(`\n| ${row} `), `${section}: ${row}`);
});

/** A real Prometheus that scrapes the monitor every half second, with the rules. */
async function prometheus(t: TestContext, target: string) {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  const configuration = {
    global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
    rule_files: [rulesFile],
    scrape_configs: [{ job_name: "cpc", static_configs: [{ targets: [target] }] }],
  };
  // JSON is YAML.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(configuration));
  const options = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    "--web.listen-address=127.0.0.1:0",
  ];
  const child = spawn("prometheus", options, { stdio: ["ignore", "ignore", "pipe"] });
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "close");
    rmSync(folder, { recursive: true, force: true });
  });
  let address: string | undefined;
  for await (const line of createInterface({ input: child.stderr })) {
    address = /msg="Listening on" address=(\S+)/.exec(line)?.[1];
    if (address !== undefined) break;
  }
  child.stderr.resume();
  /** What a scrape said of each metric's unit: only OpenMetrics can. */
  const unitOf = async (metric: string): Promise<string | undefined> => {
    const answer = await fetch(`http://${address}/api/v1/metadata?metric=${metric}`);
    const { data } = (await answer.json()) as { data: Readonly<Record<string, readonly { readonly unit: string }[]>> };
    return data[metric]?.[0]?.unit;
  };
  const ask = async (query: string): Promise<readonly unknown[]> => {
    const answer = await fetch(`http://${address}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data?: { result: unknown[] };
    };
    assert.equal(status, "success", `${query}: ${error}`);
    return data?.result ?? [];
  };
  return { ask, unitOf };
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

test(
  "every query of the dashboard finds something in a Prometheus that scrapes a partition with a fault",
  watchdog,
  async (t) => {
    const plant = await simulatedPlant(t);
    const { ask, unitOf } = await prometheus(t, new URL(plant.address).host);
    const until = async (query: string): Promise<void> => {
      while ((await ask(query)).length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    };
    await until("count(cpc_server_connected == 1) == 3");
    assert.equal(await unitOf("cpc_document_bytes"), "bytes", "it asks for OpenMetrics and gets it");
    const text = await (await fetch(`${plant.address}metrics`)).text();
    execFileSync("promtool", ["check", "metrics"], { input: text, stdio: "pipe" });
    await plant.modbusDevices.end("SIGKILL");
    await until('ALERTS{alertname="CpcServerLost", server="Ecotec"}');
    await until("count_over_time(cpc_server_failures_total[1m]) > 2");
    const { panels } = JSON.parse(readFileSync(join(deploy, "grafana/cpc-partition.json"), "utf8")) as Dashboard;
    const queries = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
    assert.ok(queries.length > 15);
    for (const { title, expr } of queries) {
      // As Grafana fills in its variables, with everything chosen.
      const query = expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*").replaceAll("$server", ".*");
      assert.ok((await ask(query)).length > 0, `${title}: ${query}`);
    }
  },
);
