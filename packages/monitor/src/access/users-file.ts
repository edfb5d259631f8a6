// The file of users: a name, a blank and a password hash on each line. Only its owner may read it, or root's group.

import { chmodSync, chownSync, renameSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { CommandError } from "@cpc-partition/process/command-error";
import { hashPassword, isPasswordHash } from "./password-hash.ts";

/** Name -> password hash. */
export type Users = ReadonlyMap<string, string>;

const shortestPassword = 10;
const ownerOnly = 0o600;

/** Throws a CommandError. */
export function readUsers(path: string): Users {
  const text = readText(path);
  if (text === undefined)
    throw new CommandError(
      `cannot read the users in ${path} because there is no such file: make it with cpc monitor user add NAME --users ${path}`,
    );
  const { mode, uid } = statSync(path);
  // One that belongs to root may be readable for a group: that is how secrets come into a container.
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0)
    throw new CommandError(`cannot use ${path} because others than its owner may read it: chmod 600 ${path}`);
  const users = new Map<string, string>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [name = "", hash = "", ...rest] = line.trim().split(" ");
    if (!isUserName(name) || !isPasswordHash(hash) || rest.length > 0)
      throw new CommandError(
        `cannot use ${path} because line ${index + 1} is no user: delete it, and add the user with cpc monitor user add`,
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
  const users = new Map(readText(path) === undefined ? [] : readUsers(path));
  users.set(name, await hashPassword(password));
  writeUsers(path, users);
}

export function removeUser(path: string, name: string): void {
  const users = new Map(readUsers(path));
  if (!users.delete(name)) throw new CommandError(`cannot remove the user ${name} because ${path} has no such user`);
  writeUsers(path, users);
}

function writeUsers(path: string, users: Users): void {
  const text = Array.from(users, ([name, hash]) => `${name} ${hash}\n`).join("");
  writeFileSync(`${path}.new`, text, { mode: ownerOnly });
  // Root's file stays readable for the group of a monitor that runs as another user.
  const before = statSync(path, { throwIfNoEntry: false });
  if (before?.uid === 0 && process.geteuid?.() === 0) {
    chownSync(`${path}.new`, before.uid, before.gid);
    chmodSync(`${path}.new`, before.mode);
  }
  renameSync(`${path}.new`, path);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CommandError(
      `cannot read the users in ${path} because ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function isUserName(name: string): boolean {
  return /^[\p{L}\p{N}_.@-]{1,64}$/u.test(name);
}
