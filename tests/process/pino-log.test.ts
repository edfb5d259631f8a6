import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

import { BoundedOutput } from "../../packages/process/src/bounded-output.ts";
import { logFormats, type LogFormat } from "../../packages/process/src/log.ts";
import { createLog } from "../../packages/process/src/pino-log.ts";
import { terminalLine } from "../../packages/process/src/terminal-text.ts";

const root = join(import.meta.dirname, "../..");
const hostile = 'before\u001b]0;title\u0007\u001b[2J\u009b31m\n{"level":60,"msg":"forged"}\r\u202e\u2028\u0000after';

/** What stands on standard error after one record, in a process of its own. */
function written(format: LogFormat): string {
  const source = `
    import { createLog } from "./packages/process/src/pino-log.ts";
    const [format, text] = process.argv.slice(1);
    createLog({ level: "info", format })("warn", text, { server: text });`;
  const { stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", source, format, hostile.replace("\u0000", "")],
    { cwd: root, encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  return stderr;
}

for (const format of logFormats) {
  test(`a server's words cannot forge a record or steer the terminal, format ${format}`, () => {
    const text = written(format);
    assert.equal(text.split("\n").length, 2, "one record, one line");
    assert.doesNotMatch(text.trimEnd(), /\p{Cc}/u);
    assert.match(text, /before.*forged.*after/);
  });
}

test("systemd's journal gets the level before the line, and neither time nor process", () => {
  const lines: string[] = [];
  const output = new BoundedOutput(() => ({
    tryWrite: (bytes) => {
      lines.push(bytes.toString());
      return bytes.length;
    },
  }));
  const log = createLog({ level: "debug", format: "journal" }, output);
  log("error", "lost", { server: "A" });
  for (const level of ["warn", "info", "debug"] as const) log(level, "x");
  assert.deepEqual(lines, ['<3>lost {"server":"A"}\n', "<4>x\n", "<6>x\n", "<7>x\n"]);
});

test("in JSON a message shows every character, and a field every character", () => {
  const { msg, server } = JSON.parse(written("json")) as { readonly msg: string; readonly server: string };
  assert.equal(server, hostile.replace("\u0000", ""));
  assert.equal(msg, terminalLine(server));
});

test("a record has a bounded size, whatever a message or field brings, and is never lost for it", () => {
  const lines: string[] = [];
  const log = createLog(
    { level: "info", format: "json" },
    new BoundedOutput(() => ({
      tryWrite: (bytes) => {
        lines.push(bytes.toString());
        return bytes.length;
      },
    })),
  );
  const long = "ä".repeat(3_000_000);
  log("warn", `cannot connect because ${long}`, { server: "A", answer: long });
  log("warn", "many", { values: Array.from({ length: 100_000 }, () => 1n) });
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(line.length < 25_000, String(line.length));
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, string>);
  assert.match(first?.["msg"] ?? "", /^cannot connect because ä+… \(3000023 characters\)$/);
  assert.equal(first?.["server"], "A");
  assert.match(first["answer"] ?? "", /^ä+… \(3000000 characters\)$/);
  assert.equal(second?.["fieldsLeftOut"], 1);
});
