// The packages as they are installed: its types for a plain TypeScript program, and what it says on a Node.js that is too old.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { nodeVersionProblem } from "../packages/image/src/node-version.ts";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "cpc-package-"));
const packages = join(folder, "packages");
/** Beside the packages' node_modules, as in a folder where they are installed. */
const program = join(folder, "program");
const names = readdirSync(join(root, "packages"));
const command = join(packages, "partition/dist/cpc.js");

before(async () => {
  mkdirSync(program);
  await promisify(execFile)(join(root, "scripts/build"), [folder]);
});

after(() => rmSync(folder, { recursive: true, force: true }));

const source = `
import { BuiltInType, ModbusClientManager, ModbusTcpClient, OpcUaClient, main, modbusTcpService, opcuaService } from "cpc-partition";
import type { Value } from "cpc-partition";
import { OpenedImage } from "@cpc-partition/image";

export const value: Value = { type: BuiltInType.Double, value: 1 };
export const manager = new ModbusClientManager({ log: (level, message) => console.error(level, message) });
export async function use(opcua: OpcUaClient, modbus: ModbusTcpClient): Promise<number> {
  await opcua.connect();
  await modbus.connect();
  await opcuaService({ file: "opcua.xml", signal: AbortSignal.timeout(1000) });
  await modbusTcpService({ file: "modbus.xml", document: { strictJson: true } });
  new OpenedImage("opcua_image").close();
  return main(["node", "cpc", "--version"]);
}
// @ts-expect-error a library that is \`any\` would take this, too
export const wrong: Value = { type: "Double" };
`;

for (const [module, moduleResolution] of [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
] as const) {
  test(`a plain TypeScript program compiles against its types, with module resolution ${moduleResolution}`, () => {
    const strict = {
      strict: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      target: "es2022",
      noEmit: true,
    };
    const compilerOptions = { ...strict, module, moduleResolution };
    writeFileSync(join(program, "package.json"), '{ "type": "module" }');
    writeFileSync(join(program, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    writeFileSync(join(program, "program.ts"), source);
    const { stdout, status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", program], { encoding: "utf8" });
    assert.deepEqual([status, stdout], [0, ""]);
  });
}

test("declarations import files that are in the package", () => {
  const declarations = names.flatMap((name) =>
    readdirSync(join(packages, name, "dist"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".d.ts"))
      .map((file) => join(packages, name, "dist", file)),
  );
  assert.ok(declarations.length > 100);
  for (const file of declarations) assert.doesNotMatch(readFileSync(file, "utf8"), /"\..*\.ts"/, file);
});

/** Runs with a Node.js that says it is another version; what it can do is not changed by that. */
function runAs(version: string, ...args: readonly string[]) {
  const pretend = `Object.defineProperty(process.versions, "node", { value: ${JSON.stringify(version)} })`;
  // Built packages, whatever the tests themselves run.
  const env = { ...process.env, NODE_OPTIONS: "" };
  return spawnSync(process.execPath, ["--import", `data:text/javascript,${pretend}`, ...args], {
    encoding: "utf8",
    env,
  });
}

test("a Node.js that is too old gets one sentence and exit code 1, from the command, the library and the reader", () => {
  const sentence = /^cpc-partition cannot run because it needs Node\.js [\d.]+ or newer, and \S+ is 20\.20\.2: .*\n$/;
  const { status, stdout, stderr } = runAs("20.20.2", command, "--help");
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, sentence);
  for (const file of ["partition/dist/library.js", "image/dist/reader.js"]) {
    const text = `import(${JSON.stringify(join(packages, file))}).catch(({ message }) => console.log(message))`;
    assert.match(runAs("20.20.2", "-e", text).stdout, sentence, file);
  }
  assert.match(runAs("22.18.0", command, "--help").stdout, /^Usage: cpc/);
});

test("the guard asks for what the package asks npm for, and its files hold to what an old Node.js understands", () => {
  for (const name of names) {
    const { engines } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")) as {
      readonly engines: { readonly node: string };
    };
    assert.equal(engines.node, ">=22.18", name);
  }
  for (const old of ["0.10.48", "12.22.12", "18.20.8", "20.20.2", "22.17.1"])
    assert.notEqual(nodeVersionProblem(old), undefined, old);
  for (const fine of ["22.18.0", "22.20.1", "24.0.0", "100.0.0"])
    assert.equal(nodeVersionProblem(fine), undefined, fine);
  for (const name of names) {
    for (const file of globSync(join(packages, name, "dist/**/*.js")))
      assert.doesNotMatch(
        readFileSync(file, "utf8"),
        /\b(?:Async)?DisposableStack\b|Float16Array\b|\b[gs]etFloat16\b|\bf16round\b|\bthreadName\b|RegExp\.escape\b/,
        file,
      );
  }
  const text = ["partition/dist/cpc.js", "image/dist/node-version.js"]
    .map((file) => readFileSync(join(packages, file), "utf8"))
    .join("");
  assert.doesNotMatch(text, /\?\.|\?\?|#\w+\(|\bstatic\b|\busing\b/);
  const imports = Array.from(text.matchAll(/^import .*$/gm), ([line]) => line);
  assert.deepEqual(imports, ['import { nodeVersionProblem } from "@cpc-partition/image/node-version";']);
});

test("the package has the manual page of its own commands, where npm looks for it", () => {
  // A text instead of a list makes no link to it (npm 11).
  const {
    man: [man = ""],
    version,
  } = JSON.parse(readFileSync(join(packages, "partition/package.json"), "utf8")) as {
    readonly man: readonly string[];
    readonly version: string;
  };
  const page = readFileSync(join(packages, "partition", man), "utf8");
  assert.equal(page.split("\n")[0], `.TH CPC 1 "" "cpc ${version}" "User Commands"`);
  assert.match(page, /^\.SS "cpc bridge sparkplug"$/m);
  const inventory = runAs(process.versions.node, command, "--version", "--json");
  assert.equal((JSON.parse(inventory.stdout) as { readonly version: string }).version, version);
});
