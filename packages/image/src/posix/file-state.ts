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

/** The bits of chmod(2). */
export function modeOf(state: BigIntStats): number {
  return Number(state.mode & 0o7777n);
}

/** Throws an UnsuitableObjectError unless this is a plain file (no directory, link, pipe). */
export function requireRegularFile(state: BigIntStats, action: string, object: string, path: string): void {
  if (state.isFile()) return;
  const kind = state.isDirectory()
    ? "a directory"
    : state.isSymbolicLink()
      ? "a symbolic link"
      : "neither a file nor a directory";
  throw new UnsuitableObjectError(action, object, `${path} is ${kind}; remove it`);
}

/** Throws an UnsuitableObjectError unless this user owns the file and it has no second name, through which others would reach it. */
export function requireOwnFile(state: BigIntStats, action: string, object: string, path: string): void {
  requireRegularFile(state, action, object, path);
  const user = process.geteuid?.() ?? 0;
  if (state.uid !== BigInt(user)) {
    const reason = `${path} belongs to user id ${state.uid} and this is user id ${user}; remove it or start as its owner`;
    throw new UnsuitableObjectError(action, object, reason);
  }
  if (state.nlink > 1n) {
    throw new UnsuitableObjectError(action, object, `${path} has ${state.nlink} names (hard links); remove it`);
  }
}
