import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { trustCommand } from "../../../packages/partition/src/certificates/ways-out.ts";

test("the command that trusts a certificate can be pasted, wherever that is and whatever the directory is called", () => {
  assert.match(trustCommand("certificates", "AB:CD"), new RegExp(` --certificates ${resolve("certificates")} AB:CD$`));
  assert.match(trustCommand("/srv/the plant's", "AB:CD"), / --certificates '\/srv\/the plant'\\''s' AB:CD$/);
});

test("in the journal of a service the command runs as the user of the service, because root reads it", (t) => {
  if (process.geteuid?.() !== 0) {
    t.skip("only root may start a process of another user");
    return;
  }
  const module = new URL("../../../packages/partition/src/certificates/ways-out.ts", import.meta.url).href;
  const script = `console.log((await import(${JSON.stringify(module)})).trustCommand("/srv", "AB"))`;
  const journal = openSync("/dev/null", "w");
  t.after(() => closeSync(journal));
  const { dev, ino } = fstatSync(journal);
  const commandIn = (uid: number, stream: string): string =>
    spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      uid,
      gid: uid,
      env: { ...process.env, JOURNAL_STREAM: stream },
      stdio: ["ignore", "pipe", journal],
      encoding: "utf8",
    }).stdout;
  const command = "npm run -s cpc -- cert trust --certificates /srv AB\n";
  assert.equal(commandIn(65_534, `${dev}:${ino}`), `runuser --user nobody -- ${command}`);
  const nameless = commandIn(54_321, `${dev}:${ino}`);
  assert.equal(nameless, `setpriv --reuid 54321 --regid 54321 --clear-groups -- ${command}`, "a number without a name");
  assert.equal(commandIn(0, `${dev}:${ino}`), command);
  assert.equal(commandIn(65_534, "1:1"), command, "a person at a terminal of the desktop, say");
});
