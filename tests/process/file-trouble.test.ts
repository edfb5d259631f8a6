import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readingTrouble, writingTrouble } from "../../packages/process/src/file-trouble.ts";

const folder = mkdtempSync(join(tmpdir(), "cpc-files-"));
before(() => chmodSync(folder, 0o755));
after(() => rmSync(folder, { recursive: true, force: true }));

/** In a process of a user who is not root, and not the owner of these files. */
const script = `
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const { readingTrouble, writingTrouble } = await import(process.argv[1]);
try {
  if (process.argv[2] === "read") readFileSync(process.argv[3]);
  else if (process.argv[2] === "write") writeFileSync(process.argv[3], "");
  else mkdirSync(process.argv[3], { recursive: true });
  console.log("no trouble");
} catch (error) {
  console.log((process.argv[2] === "read" ? readingTrouble : writingTrouble)(error));
}`;
const isRoot = process.geteuid?.() === 0;
const nobody = 65_534;
const module = new URL("../../packages/process/src/file-trouble.ts", import.meta.url).href;

function asNobody(access: "read" | "write" | "make", path: string): string {
  const args = ["--input-type=module", "-e", script, module, access, path];
  const { stdout, stderr } = spawnSync(process.execPath, args, { uid: nobody, gid: nobody, encoding: "utf8" });
  assert.equal(stderr, "");
  return stdout.trimEnd();
}

function file(name: string, mode: number): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  chmodSync(path, mode);
  return path;
}

function closedFolder(name: string, mode: number): string {
  const path = join(folder, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

function refusal(path: string): string {
  return `the user nobody (uid ${nobody}) may not write to "${path}": chown nobody ${path}`;
}

/** Of one that is read, and of one that is written. */
function told(code: string, path?: string): readonly string[] {
  const error = Object.assign(new Error(`${code}: words of the runtime`), { code, path });
  return [readingTrouble(error), writingTrouble(error)];
}

function same(text: string): readonly string[] {
  return [text, text];
}

test("who may not read a file is told the user and the command that helps", { skip: !isRoot }, () => {
  const path = file("modbus plant.xml", 0o600);
  assert.equal(
    asNobody("read", path),
    `the user nobody (uid ${nobody}) may not read it: chgrp nogroup '${path}' && chmod g+r '${path}'`,
  );
});

test("a folder on the way that is closed is what is named", { skip: !isRoot }, () => {
  const closed = closedFolder("closed", 0o700);
  writeFileSync(join(closed, "modbus.xml"), "");
  assert.equal(
    asNobody("read", join(closed, "modbus.xml")),
    `the user nobody (uid ${nobody}) may not enter the folder "${closed}": chgrp nogroup ${closed} && chmod g+rx ${closed}`,
  );
});

test("what may not be written is told with its folder, or itself", { skip: !isRoot }, () => {
  const shut = closedFolder("shut", 0o755);
  assert.equal(asNobody("write", join(shut, "names.json")), refusal(shut));
  assert.equal(asNobody("make", join(shut, "state", "deep")), refusal(shut));
  const path = file("users.txt", 0o644);
  assert.equal(asNobody("write", path), refusal(path));
});

test("a home, which services cannot see, is said to be one", { skip: !isRoot }, () => {
  assert.match(
    asNobody("read", "/root/modbus.xml"),
    /^the user nobody \(uid \d+\) may not enter "\/root", which services cannot see: move it to \/etc\/cpc-partition /,
  );
});

test("every other refusal of the system has words, and a way out where there is one", () => {
  const path = join(folder, "none", "file");
  assert.deepEqual(told("ENOENT"), same("it does not exist"));
  assert.deepEqual(told("ENOENT", path), ["it does not exist", `the folder "${join(folder, "none")}" does not exist`]);
  assert.deepEqual(told("ENOSPC", path), same(`the disk is full: df ${folder}`));
  assert.deepEqual(told("EROFS", path), same(`it lies where this program may only read: mount that writable, or add ReadWritePaths=${folder} to the unit`)); // prettier-ignore
  assert.deepEqual(told("EMFILE"), same("this program has reached its limit of open files: raise it (LimitNOFILE= of the unit, or ulimit -n)")); // prettier-ignore
  assert.deepEqual(told("ELOOP"), same("its symbolic links go round in a circle"));
  assert.deepEqual(told("ENOTDIR"), same("a part of its path is not a directory"));
  assert.deepEqual(told("EISDIR"), same("it is a directory"));
  assert.deepEqual(told("EDQUOT"), same(`the quota of the user ${userInfo().username} (uid ${userInfo().uid}) is used up`)); // prettier-ignore
  assert.deepEqual(told("EOTHER", path), same("EOTHER: words of the runtime"));
});

test("what the system says itself of links in a circle is understood", () => {
  const link = join(folder, "link");
  symlinkSync(link, link);
  assert.throws(
    () => writeFileSync(link, ""),
    (error: unknown) => writingTrouble(error) === "its symbolic links go round in a circle",
  );
});
