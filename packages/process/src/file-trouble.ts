// Why the system refuses a file or a folder that an operator made, and what he can do about it: the path, the user that this program runs as, and
// a command to paste.
//
// Promises: names the file or the folder on the way to it that is refused, whatever error comes. Does not promise that the command is enough: what
// a unit or a container hides looks like a missing right.

import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { quotePath } from "./quote.ts";
import { shellWord } from "./shell-word.ts";
import { userName } from "./user-name.ts";

/** Continues "because", for whatever the system says of a file that is to be read. `path`: where the error names none, since it was open already. */
export function readingTrouble(error: unknown, path?: string): string {
  return troubleOf(error, pathOf(error) ?? path, "read");
}

/** The same for one that is to be made, replaced or removed. */
export function writingTrouble(error: unknown, path?: string): string {
  return troubleOf(error, pathOf(error) ?? path, "write");
}

type Access = "read" | "write";

function troubleOf(error: unknown, path: string | undefined, access: Access): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  if ((code === "EACCES" || code === "EPERM") && path !== undefined) return denied(resolve(path), access);
  if (code === "ENOENT" && path !== undefined && access === "write")
    return `the folder ${quotePath(dirname(resolve(path)))} does not exist`;
  const reason = reasons[code];
  return reason === undefined ? error.message : reason(path === undefined ? undefined : resolve(path));
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : undefined;
}

type Reason = (path: string | undefined) => string;

const noRoom: Reason = (path) =>
  path === undefined ? "the disk is full" : `the disk is full: df ${shellWord(nearest(dirname(path)))}`;

const reasons: Readonly<Record<string, Reason>> = {
  ENOENT: () => "it does not exist",
  ENOTDIR: () => "a part of its path is not a directory",
  EISDIR: () => "it is a directory",
  ELOOP: () => "its symbolic links go round in a circle",
  ENAMETOOLONG: () => "its name is too long",
  ENXIO: () => "it is a socket or a device that is not there",
  ENOSPC: noRoom,
  EDQUOT: () => `the quota of ${thisUser()} is used up`,
  EROFS: (path) =>
    "it lies where this program may only read: mount that writable" +
    (path === undefined ? "" : `, or add ReadWritePaths=${nearest(dirname(path))} to the unit`),
  EMFILE: () => "this program has reached its limit of open files: raise it (LimitNOFILE= of the unit, or ulimit -n)",
  ENFILE: () => "the machine has reached its limit of open files",
  EIO: () => "the disk reports an error: dmesg",
};

/** Units of services hide these (ProtectHome=). */
const hidden = /^\/(?:home|root|run\/user)(?:\/|$)/;

function denied(path: string, access: Access): string {
  const folders = ancestors(path);
  const closed = folders.find((folder) => existsSync(folder) && !may(folder, constants.X_OK));
  if (closed !== undefined && hidden.test(closed))
    return `${thisUser()} may not enter ${quotePath(closed)}, which services cannot see: move it to /etc/cpc-partition or another folder`;
  if (closed !== undefined)
    return `${thisUser()} may not enter the folder ${quotePath(closed)}: ${share(closed, "rx")}`;
  if (access === "read") return `${thisUser()} may not read it: ${share(path, isFolder(path) ? "rx" : "r")}`;
  const object = existsSync(path) && !may(path, constants.W_OK) ? path : nearest(dirname(path));
  return `${thisUser()} may not write to ${quotePath(object)}: chown ${userName() ?? process.geteuid?.()} ${shellWord(object)}`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** From the root down. */
function ancestors(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === path ? [] : [...ancestors(folder), folder];
}

/** The folder itself, or the deepest above it that is there. */
function nearest(folder: string): string {
  return ancestors(`${folder}/x`).findLast((each) => existsSync(each)) ?? "/";
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function share(path: string, rights: string): string {
  const word = shellWord(path);
  return `chgrp ${groupName()} ${word} && chmod g+${rights} ${word}`;
}

function thisUser(): string {
  const name = userName();
  const id = process.geteuid?.();
  return name === undefined ? `the user with the id ${id}` : `the user ${name} (uid ${id})`;
}

/** The first of this process's groups that has a lasting name, or its number. */
function groupName(): string {
  const ids = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  const names = new Map(groupsFile().map(([name = "", , id]) => [Number(id), name]));
  return ids.map((id) => names.get(Number(id))).find((name) => name !== undefined) ?? String(ids[0]);
}

function groupsFile(): readonly (readonly string[])[] {
  try {
    return readFileSync("/etc/group", "utf8")
      .split("\n")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}
