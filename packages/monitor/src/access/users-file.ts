// The file of users: a name, a blank and a password hash on each line. Only its owner may read it, or root's group.

import { chmodSync, chownSync, renameSync, rmSync, statSync, writeFileSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble, writingTrouble } from "@cpc-partition/process/file-trouble";
import { CommandError } from "@cpc-partition/process/command-error";
import { toDiskSync } from "@cpc-partition/process/to-disk";
import { invocation } from "@cpc-partition/process/invocation";
import { hashPassword, isPasswordHash } from "./password-hash.ts";

/** Name -> password hash. */
export type Users = ReadonlyMap<string, string>;

const shortestPassword = 10;
const ownerOnly = 0o600;
const largestBytes = 1024 * 1024;

/** Throws a CommandError. */
export function readUsers(path: string): Users {
  const text = readText(path, (state) => refuseOpenTo(path, state));
  if (text === undefined)
    throw new CommandError(
      `cannot read the users in ${path} because there is no such file: make it with ${invocation} monitor user add NAME --users ${path}`,
    );
  const users = new Map<string, string>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [name = "", hash = "", ...rest] = line.trim().split(" ");
    if (!isUserName(name) || !isPasswordHash(hash) || rest.length > 0)
      throw new CommandError(
        `cannot use ${path} because line ${index + 1} is no user: delete it, and add the user with ${invocation} monitor user add`,
      );
    users.set(name, hash);
  }
  return users;
}

/** Adds a user, or gives one another password. */
export async function addUser(path: string, name: string, password: string): Promise<void> {
  if (!isUserName(name))
    throw new CommandError(
      `cannot add the user "${name}" because a name has letters, digits, '_', '-', '.' and '@', 64 at most`,
    );
  if (password.length < shortestPassword)
    throw new CommandError(
      `cannot add the user ${name} because the password has ${password.length} characters: take at least ${shortestPassword}`,
    );
  const users = new Map(statSync(path, { throwIfNoEntry: false }) === undefined ? [] : readUsers(path));
  users.set(name, await hashPassword(password));
  writeUsers(path, users);
}

export function removeUser(path: string, name: string): void {
  const users = new Map(readUsers(path));
  if (!users.delete(name)) throw new CommandError(`cannot remove the user ${name} because ${path} has no such user`);
  writeUsers(path, users);
}

function writeUsers(path: string, users: Users): void {
  try {
    replaceFile(path, users);
  } catch (error) {
    throw new CommandError(`cannot write the users to ${path} because ${writingTrouble(error)}`, { cause: error });
  }
}

function replaceFile(path: string, users: Users): void {
  const text = Array.from(users, ([name, hash]) => `${name} ${hash}\n`).join("");
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, text, { flag: "wx", mode: ownerOnly });
  // Root's file stays readable for the group of a monitor that runs as another user.
  const before = statSync(path, { throwIfNoEntry: false });
  if (before?.uid === 0 && process.geteuid?.() === 0) {
    chownSync(`${path}.new`, before.uid, before.gid);
    chmodSync(`${path}.new`, before.mode);
  }
  toDiskSync(`${path}.new`);
  renameSync(`${path}.new`, path);
  toDiskSync(dirname(path));
}

/** One that belongs to root may be readable for a group: that is how secrets come into a container. */
function refuseOpenTo(path: string, { mode, uid }: Stats): void {
  const [refused, right] = uid === 0 ? [0o037, 640] : [0o077, 600];
  if ((mode & refused) !== 0)
    throw new CommandError(`cannot use ${path} because others than its owner may read it: chmod ${right} ${path}`);
}

function readText(path: string, judge: (state: Stats) => void): string | undefined {
  try {
    return readBoundedFile(path, { largestBytes, judge }).toString();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CommandError(`cannot read the users in ${path} because ${readingTrouble(error)}`);
  }
}

function isUserName(name: string): boolean {
  return /^[\p{L}\p{N}_.@-]{1,64}$/u.test(name);
}
