import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { hashPassword, isPasswordHash, isPasswordOf } from "../../../packages/monitor/src/access/password-hash.ts";
import { SignInDesk } from "../../../packages/monitor/src/access/sign-in.ts";
import { addUser, readUsers, removeUser } from "../../../packages/monitor/src/access/users-file.ts";
import { oddFiles, placeOdd } from "../../odd-files.ts";
import { syncedAtOnce } from "../../synced-paths.ts";

function usersFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "users.txt");
}

const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

test("a hash tells its password from others, and two hashes of one password differ", async () => {
  const [one, other] = await Promise.all([hashPassword("Füllstand 7"), hashPassword("Füllstand 7")]);
  assert.notEqual(one, other);
  assert.ok(isPasswordHash(one));
  assert.ok(await isPasswordOf(one, "Füllstand 7"));
  assert.equal(await isPasswordOf(one, "Füllstand 8"), false);
  for (const wrong of [
    "",
    "scrypt$32768$8$1$AA$AA",
    one.replace("32768", "32767"),
    one.replace("$8$", "$99$"),
    `${one} `,
  ])
    assert.equal(isPasswordHash(wrong), false, wrong);
});

test("users are added, changed and removed; the file belongs to its owner alone and has no password", async (t) => {
  const path = usersFile(t);
  await addUser(path, "anna", "a long password");
  await addUser(path, "bert", "another password");
  assert.deepEqual([...readUsers(path).keys()], ["anna", "bert"]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(path, "utf8"), /password/);
  const before = readUsers(path).get("anna");
  await addUser(path, "anna", "a third password");
  assert.notEqual(readUsers(path).get("anna"), before);
  removeUser(path, "anna");
  assert.deepEqual([...readUsers(path).keys()], ["bert"]);
  assert.throws(() => removeUser(path, "anna"), /no such user/);
  await assert.rejects(addUser(path, "a b", "a long password"), /a name has letters/);
  await assert.rejects(addUser(path, "c", "short"), /has 5 characters/);
});

for (const kind of oddFiles)
  test(`a ${kind} in place of the file of users is refused, and in place of its draft gives way`, async (t) => {
    const path = usersFile(t);
    await placeOdd(t, kind, path);
    const refused =
      /^CommandError: cannot read the users in \S+ because it is (?:not a regular file|a directory|a socket or a device)/;
    assert.throws(() => readUsers(path), refused);
    await assert.rejects(addUser(path, "anna", "a long password"), refused);
    rmSync(path, { recursive: true });
    await placeOdd(t, kind, `${path}.new`);
    const added = addUser(path, "anna", "a long password");
    if (kind === "directory") await assert.rejects(added, /^CommandError: cannot write the users to \S+ because /);
    else await added;
    assert.equal(statSync(path, { throwIfNoEntry: false })?.isFile(), kind === "directory" ? undefined : true);
  });

test("users that were added are on the disk", async (t) => {
  const path = usersFile(t);
  const synced = syncedAtOnce(t, () => existsSync(path));
  await addUser(path, "anna", "a long password");
  assert.deepEqual(synced, [
    [`${path}.new`, false],
    [dirname(path), true],
  ]);
});

test("a file that others may read, that is not there, or that holds something else is refused", async (t) => {
  const path = usersFile(t);
  assert.throws(() => readUsers(path), /no such file: make it with npm run -s cpc -- monitor user add/);
  await addUser(path, "anna", "a long password");
  for (const mode of [0o644, 0o604, 0o660, 0o640]) {
    chmodSync(path, mode);
    // A secret that a container runtime mounts belongs to root and is readable for a group.
    if (mode === 0o640 && process.getuid?.() === 0) {
      assert.equal(readUsers(path).size, 1);
      chownSync(path, 0, 4711);
      await addUser(path, "bert", "a long password");
      removeUser(path, "bert");
      const { mode: now, gid } = statSync(path);
      assert.deepEqual([now & 0o777, gid], [0o640, 4711], "a change keeps the group that may read it");
    } else {
      const right = process.getuid?.() === 0 ? 640 : 600;
      assert.throws(() => readUsers(path), new RegExp(`others than its owner may read it: chmod ${right} ${path}$`));
    }
  }
  chmodSync(path, 0o600);
  writeFileSync(path, "anna plaintext\n");
  assert.throws(() => readUsers(path), /line 1 is no user/);
});

test("who knows user and password is welcome, at once the second time; everybody else is refused and counted", async (t) => {
  const path = usersFile(t);
  await addUser(path, "anna", "a long password");
  const desk = new SignInDesk(path, { limits: { mostWaiting: 2, mostWaitingOfAddress: 2, pauseMs: 1 } });
  assert.equal(await desk.judge(basic("anna", "a long password")), "Welcome");
  assert.equal(await desk.judge(basic("anna", "a long password")), "Welcome");
  assert.equal(desk.failures, 0);
  assert.equal(await desk.judge(basic("anna", "a wrong password")), "Refused");
  assert.equal(await desk.judge(basic("carl", "a long password")), "Refused");
  assert.equal(desk.failures, 2);
  for (const nothing of [undefined, "", "Bearer x", "Basic", "Basic \u00e4"])
    assert.equal(await desk.judge(nothing), "Refused");
});

test("guesses wait in one short queue, and what is known already passes it", async (t) => {
  const path = usersFile(t);
  await addUser(path, "anna", "a long password");
  const desk = new SignInDesk(path, { limits: { mostWaiting: 2, mostWaitingOfAddress: 2, pauseMs: 1 } });
  await desk.judge(basic("anna", "a long password"));
  const order: string[] = [];
  const guesses = Array.from({ length: 3 }, async (_, index) => {
    const answer = await desk.judge(basic("anna", `guess ${index}`));
    order.push(answer);
    return answer;
  });
  const known = desk.judge(basic("anna", "a long password")).then(() => order.push("known"));
  await known;
  assert.deepEqual(order, ["Busy", "known"], "nobody waits behind guesses, and the third is sent away");
  await guesses[0];
  assert.equal(desk.failures, 1, "one after another");
  assert.deepEqual(await Promise.all(guesses), ["Refused", "Refused", "Busy"]);
  rmSync(path);
  assert.equal(await desk.judge(basic("anna", "a long password")), "Refused", "a removed file lets nobody in");
});

test("one address cannot take the whole queue", async (t) => {
  const path = usersFile(t);
  await addUser(path, "anna", "a long password");
  const desk = new SignInDesk(path, { limits: { mostWaiting: 8, mostWaitingOfAddress: 2, pauseMs: 1 } });
  const guesses = Array.from({ length: 9 }, async () => await desk.judge(basic("anna", "guess"), "10.0.0.1"));
  assert.equal(await desk.judge(basic("anna", "a long password"), "10.0.0.2"), "Welcome");
  const answers = await Promise.all(guesses);
  assert.deepEqual([answers.filter((answer) => answer === "Refused").length, answers.includes("Welcome")], [2, false]);
  assert.equal(await desk.judge(basic("anna", "guess"), "10.0.0.1"), "Refused", "its places are free again");
});

test("a file that cannot be used lets nobody in and says why, until it can, if only by its mode", async (t) => {
  const path = usersFile(t);
  await addUser(path, "anna", "a long password");
  const logged: string[] = [];
  const log = (level: string, message: string): number => logged.push(`${level}: ${message}`);
  const desk = new SignInDesk(path, { limits: { mostWaiting: 2, mostWaitingOfAddress: 2, pauseMs: 1 }, log });
  const anna = async (): Promise<string> => await desk.judge(basic("anna", "a long password"));
  assert.equal(await anna(), "Welcome");
  chmodSync(path, 0o644);
  assert.equal(await anna(), "Refused");
  assert.equal(await anna(), "Refused");
  assert.match(
    logged.splice(0).join("\n"),
    /^error: cannot use \S+ because others than its owner may read it: chmod 6[04]0 \S+; nobody can sign in until that is done$/,
  );
  chmodSync(path, 0o600);
  assert.equal(await anna(), "Welcome");

  rmSync(path);
  symlinkSync(path, path);
  const { version } = desk;
  assert.equal(await anna(), "Refused");
  assert.equal(desk.version, version);
  assert.match(logged.splice(0).join("\n"), /^error: cannot read the users in \S+ because its symbolic links go round/);
  rmSync(path);
  await addUser(path, "anna", "a long password");
  assert.equal(await anna(), "Welcome");
  assert.deepEqual(logged, []);
});

test("a password is not remembered of a user who was removed while it was checked", async (t) => {
  const path = usersFile(t);
  for (const name of ["anna", "bert"]) await addUser(path, name, "a long password");
  const desk = new SignInDesk(path);
  await desk.judge(basic("anna", "a long password"));
  const begun = desk.judge(basic("bert", "a long password"));
  // Its hash is looked up at once, and calculated in another thread.
  await new Promise(setImmediate);
  removeUser(path, "bert");
  assert.notEqual(desk.version, "");
  await begun;
  assert.equal(await desk.judge(basic("bert", "a long password")), "Refused");
});
