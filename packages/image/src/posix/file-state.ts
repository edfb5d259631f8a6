// What the file system knows about an object: is this file ours to use, and does the name still lead to it?

import { fstatSync, lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { errno, PosixError, UnsuitableObjectError } from "./errno.ts";
import { systemCall } from "./libc.ts";

export function stateOfDescriptor(descriptor: number, object: string): BigIntStats {
  const state = systemCall("fstat", () => fstatSync(descriptor, { bigint: true }));
  if (typeof state === "number") throw new PosixError("look at", object, "fstat", state);
  return state;
}

/** Of the name itself, not of what a symbolic link leads to; undefined when there is none. */
export function stateOfPath(path: string, object: string): BigIntStats | undefined {
  const state = systemCall("lstat", () => lstatSync(path, { bigint: true }));
  if (state === -errno.ENOENT) return undefined;
  if (typeof state === "number") throw new PosixError("look at", object, "lstat", state);
  return state;
}

export function isSameFile(one: BigIntStats, other: BigIntStats | undefined): boolean {
  return other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** What the system says of an object that has its name. */
export interface NamedState {
  readonly sizeBytes: number;
  /** The bits of chmod(2). */
  readonly mode: number;
  /** Hard links: with more than one it can be reached when its own name is gone. */
  readonly names: number;
}

/** Undefined when the name leads to none or to another. */
export function namedState(object: BigIntStats, found: BigIntStats | undefined): NamedState | undefined {
  if (found === undefined || !isSameFile(object, found)) return undefined;
  return { sizeBytes: Number(found.size), mode: Number(found.mode & 0o7777n), names: Number(found.nlink) };
}

/** Throws an UnsuitableObjectError unless this is a plain file (no directory, link, pipe). */
export function requireRegularFile(state: BigIntStats, action: string, object: string, path: string): void {
  const reason = notRegular(state, path);
  if (reason !== undefined) throw new UnsuitableObjectError(action, object, `${reason}; remove it`);
}

/** Throws an UnsuitableObjectError unless this user owns the file and it has no second name, through which others would reach it. */
export function requireOwnFile(state: BigIntStats, action: string, object: string, path: string): void {
  const reason = notOurs(state, path);
  if (reason !== undefined) throw new UnsuitableObjectError(action, object, `${reason}; remove it`);
}

/** Why this is not a file of ours that nobody else has a name for; undefined when it is one. */
export function notOurs(state: BigIntStats, path: string): string | undefined {
  const user = process.geteuid?.() ?? 0;
  const kind = notRegular(state, path);
  if (kind !== undefined) return kind;
  if (state.uid !== BigInt(user)) return `${path} belongs to user id ${state.uid} and this is user id ${user}`;
  return state.nlink > 1n ? `${path} has ${state.nlink} names (hard links)` : undefined;
}

function notRegular(state: BigIntStats, path: string): string | undefined {
  if (state.isFile()) return undefined;
  const kind = state.isDirectory()
    ? "a directory"
    : state.isSymbolicLink()
      ? "a symbolic link"
      : "neither a file nor a directory";
  return `${path} is ${kind}`;
}

/**
 * What has a name of ours and is not ours gives way: `remove` removes the name. Returns why, for the log; undefined when nothing had to give way,
 * or did not: a directory, or what this user may not remove.
 */
export function makeWay(state: BigIntStats | undefined, path: string, remove: () => void): string | undefined {
  const reason = state === undefined ? undefined : notOurs(state, path);
  if (reason === undefined || state?.isDirectory() === true) return undefined;
  try {
    remove();
  } catch (error) {
    if (error instanceof PosixError) return undefined;
    throw error;
  }
  return reason;
}
