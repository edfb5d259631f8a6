// Ours beside what others wrote, in one run: what a poll costs each client, how regular polls are and how soon a reader is awake, what a value costs with
// more of them. Installs what it compares with.
//
//   npm run bench -- --help

import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { benchPage, type Found } from "./bench-page.ts";
import { builtPackages, type BuiltPackages } from "./built-packages.ts";
import { fields, type Field } from "./clients.ts";
import { compareWithFirst } from "./comparison.ts";
import { compete } from "./contest.ts";
import { costPicture } from "./cost-picture.ts";
import { costPerValue } from "./cost-per-value.ts";
import { circumstances, howItCameAbout, type Told } from "./report.ts";

const parts = ["modbus", "opcua", "jitter", "wake-up", "cost"];
const clients = ["libmodbus", "jsmodbus", "modbus-serial", "pymodbus", "pymodbustcp"].concat([
  "open62541",
  "node-opcua",
  "asyncua",
  "asyncua-3",
]);
const help = `npm run bench -- [options]

  --quick          fewer rounds and sizes: one or two minutes in place of fifteen
  --only NAME,...  only these parts: ${parts.join(", ")};
                   or only these clients, beside ours: ${clients.slice(0, 5).join(", ")},
                   ${clients.slice(5).join(", ")}
  --json           figures for a machine
  --write          also put the page of a whole run into docs/benchmarks/README.md, and its picture beside it
`;
const PAGE = fileURLToPath(new URL("../docs/benchmarks/README.md", import.meta.url));
const PICTURE = fileURLToPath(new URL("../docs/benchmarks/cost-per-value.svg", import.meta.url));

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const only = options.only?.split(",");
const startMs = performance.now();
const extent = options.quick
  ? {
      rounds: 3,
      turnMs: 100,
      warmUpMs: 800,
      polls: 100,
      settleSeconds: 0,
      seconds: 3,
      values: [1000, 10_000],
      servers: [1, 10, 100],
    }
  : {
      rounds: 10,
      turnMs: 300,
      warmUpMs: 2000,
      polls: 4000,
      settleSeconds: 15,
      seconds: 8,
      values: [1000, 10_000, 100_000],
      servers: [1, 10, 100, 1000],
    };

function progress(text: string): void {
  process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);
}

function chosen(...names: readonly string[]): boolean {
  return only === undefined || names.some((name) => only.includes(name));
}

/** Nothing if neither the part nor one of its clients is wanted. Ours is there in any case. */
async function contest(part: string, field: Field, built: BuiltPackages): Promise<Found["contests"]> {
  const folder = mkdtempSync(join(tmpdir(), "cpc-bench-"));
  try {
    await using server = field.server();
    const { port } = await server.line();
    const all = field.clients(port as number, folder, built);
    const wanted = all.filter(({ name }) => chosen(part, name));
    if (wanted.length === 0) return [];
    const contestants = all.filter((client) => client.target !== undefined || wanted.includes(client));
    const { rounds, turnMs, warmUpMs } = extent;
    const say = (text: string): void => progress(`${part}: ${text}`);
    const performances = await compete({ contestants, sum: field.sum, rounds, turnMs, warmUpMs, progress: say });
    const targets = new Map(contestants.map(({ name, target }) => [name, target]));
    return [{ title: field.title, rows: compareWithFirst(performances, targets) }];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Another benchmark of this folder, which says its answer as JSON. */
async function answer(part: string, ...parameters: readonly string[]): Promise<readonly Told[]> {
  if (!chosen(part)) return [];
  progress(part);
  const program = fileURLToPath(new URL(`${part}.ts`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...parameters, "--json"]);
  return [JSON.parse(stdout) as Told];
}

const unknown = only?.filter((name) => !parts.includes(name) && !clients.includes(name)) ?? [];
if (options.help) process.stdout.write(help);
else if (unknown.length > 0) refuse(2, `run ${unknown.join(", ")} because there is no such part or client\n\n${help}`);
else if (options.write && (options.quick || only !== undefined))
  refuse(2, "write the page of a run that is not whole: leave out --quick and --only\n");
else await bench();

function refuse(code: number, reason: string): void {
  process.stderr.write(`bench: cannot ${reason}`);
  process.exitCode = code;
}

async function bench(): Promise<void> {
  // Before it makes load itself.
  const how = howItCameAbout(circumstances());
  progress("peers and packages are built");
  const installer = fileURLToPath(new URL("../scripts/install-benchmark-peers", import.meta.url));
  const { status } = spawnSync(installer, { stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    refuse(1, "run without its peers: see above\n");
    return;
  }
  const built = builtPackages();
  const contests = [
    ...(await attempt(() => contest("modbus", fields.modbus, built))),
    ...(await attempt(() => contest("opcua", fields.opcua, built))),
  ];
  const answers = [
    ...(await attempt(() => answer("jitter", "--polls", String(extent.polls)))),
    ...(await attempt(() => answer("wake-up"))),
  ];
  const { settleSeconds, seconds, values, servers } = extent;
  const say = (text: string): void => progress(`cost: ${text}`);
  const costs = chosen("cost")
    ? await attempt(() => costPerValue({ main: built.main, settleSeconds, seconds, values, servers, progress: say }))
    : [];
  const found: Found = { contests, answers, costs, how };
  const page = benchPage(found);
  process.stdout.write(options.json ? `${JSON.stringify(found, null, 2)}\n` : `${page}\n`);
  if (options.write && process.exitCode === undefined) write(page, costs);
  progress("done");
}

/** A part that fails costs the command its good end and its page, not the figures of the others. */
async function attempt<Of>(part: () => Promise<readonly Of[]>): Promise<readonly Of[]> {
  try {
    return await part();
  } catch (error) {
    refuse(1, `finish this part because ${error instanceof Error ? error.message : String(error)}\n`);
    return [];
  }
}

/** The page between its marks, and its picture. */
function write(page: string, costs: Found["costs"]): void {
  const old = readFileSync(PAGE, "utf8");
  const marks = /(?<=<!-- bench -->\n)[\s\S]*(?=<!-- end of bench -->)/;
  if (!marks.test(old)) throw new TypeError(`cannot write ${PAGE} because it has no <!-- bench --> marks`);
  const text = `\n${page}\n\n![What a value costs](cost-per-value.svg)\n\n`;
  writeFileSync(
    PAGE,
    old.replace(marks, () => text),
  );
  writeFileSync(PICTURE, costPicture(costs));
}
