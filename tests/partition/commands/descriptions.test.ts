// What is made of the definitions of the commands: completion for shells, tried in the shells, and the manual page, judged by groff.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { allCommands, commandTree } from "../../../packages/partition/src/commands/command-tree.ts";
import { bashCompletion, zshCompletion } from "../../../packages/partition/src/commands/completion.ts";
import { manualPage } from "../../../packages/partition/src/commands/manual-page.ts";
import { createProgram } from "../../../packages/partition/src/commands/program.ts";
import { Sandbox } from "./cpc.ts";

const tree = commandTree(await createProgram("0", () => {}));
const nodes = allCommands(tree);

/** The words before the cursor; the last one is being typed. */
const cases: readonly (readonly [words: string, offered: RegExp, notOffered: RegExp])[] = [
  ["cpc ", /\brun\b[^]*\bcheck\b[^]*\bmanual\b/, /^--/m],
  ["cpc check --ag", /^--against\b/m, /--points|--listen/],
  ["cpc check modbus.xml --wi", /^--within\b/m, /^--against/m],
  ["cpc run --log-level ", /debug[^]*warn/, /^--|modbus/m],
  ["cpc run --prefix check --no", /^--no-documents\b/m, /--points/],
  ["cpc dump ", /opcua[^]*modbus/, /^--/m],
  ["cpc cert tr", /^trust\b/m, /create/],
  ["cpc bridge sparkplug --", /--no-commands[^]*--edge-node/, /--holding/],
  ["cpc bridge mqtt --log-format ", /json[^]*pretty/, /^--/m],
  ["cpc completion ", /bash[^]*zsh/, /^--/m],
];

function tryShell(
  shell: string,
  args: readonly string[],
  script: string,
  run: (words: readonly string[]) => string,
): void {
  if (!existsSync(`/usr/bin/${shell}`)) return;
  for (const [line, offered, notOffered] of cases) {
    const { status, stdout, stderr } = spawnSync(shell, [...args, "-c", `${script}\n${run(line.split(" "))}`], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""], line);
    assert.match(stdout, offered, line);
    assert.doesNotMatch(stdout, notOffered, line);
  }
}

test("bash completes commands, options, choices and options of the commands above", () => {
  const quiet = "compopt() { :; }";
  tryShell("bash", ["--norc"], `${bashCompletion(tree)}\n${quiet}`, (words) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _cpc; printf '%s\\n' "\${COMPREPLY[@]}"`;
  });
});

test("zsh completes the same, with what each is", { skip: !existsSync("/usr/bin/zsh") && "there is no zsh" }, () => {
  // As zsh's own functions choose: what begins with the word that is being typed.
  const own = `
compdef() { :; }
_files() { :; }
compadd() { shift; print -l -- "$@"; }
_describe() { [[ $1 == -o ]] && shift; local one; for one in "\${(@P)2}"; do [[ $one == $current* ]] && print -r -- "$one"; done; true; }`;
  tryShell("zsh", ["-f"], `${own}\n${zshCompletion(tree)}`, (words) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    return `words=(${quoted}); CURRENT=${words.length}; _cpc`;
  });
});

test("the manual page has every command and option, and groff finds nothing wrong in it", () => {
  const page = manualPage(tree, "1.2.3");
  const plain = page.replaceAll("\\-", "-");
  assert.ok(nodes.length > 30, `${nodes.length} commands`);
  for (const { words, options } of nodes) {
    if (words.length > 0) assert.ok(plain.includes(`.SS "cpc ${words.join(" ")}"`), words.join(" "));
    for (const { flags, variable } of options) {
      assert.ok(plain.includes(flags.at(-1) ?? ""));
      if (variable !== undefined) assert.ok(plain.includes(`env: ${variable}`), variable);
    }
  }
  assert.doesNotMatch(page, /[^\\]\\[^-e(&]/);
  if (!existsSync("/usr/bin/groff")) return;
  const { status, stdout, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8"], { input: page, encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /User Commands/);
});

test("cpc prints them, and its version for programs", { timeout: 200_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  const [version, manual, completion] = await Promise.all(
    [["--version", "--json"], ["manual"], ["completion", "bash"]].map((args) => sandbox.cpc(args).ended),
  );
  const parsed = JSON.parse(version?.stdout ?? "") as Readonly<Record<string, unknown>>;
  assert.equal(parsed["name"], "cpc");
  assert.equal(parsed["node"], process.versions.node);
  assert.match(String(parsed["image"]), /^2\.\d+$/);
  const packages = parsed["packages"] as Readonly<Record<string, string | null>>;
  assert.equal(packages["@cpc-partition/bridge"], parsed["version"]);
  assert.match(manual?.stdout ?? "", /^\.TH CPC 1 "" "cpc \d+\.\d+\.\d+"/);
  assert.equal(completion?.stdout.trimEnd(), bashCompletion(tree));
});
