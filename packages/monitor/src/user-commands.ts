// `cpc monitor user add NAME` and `remove NAME`.

import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { standardError } from "@cpc-partition/process/standard-error";
import { print } from "@cpc-partition/process/standard-output";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { addUser, removeUser } from "./access/users-file.ts";

export async function add(name: string, users: string): Promise<ExitCode> {
  await addUser(users, name, await askPassword(name));
  print(terminalLine(`${name} may look at the monitor that is started with --users ${users}`));
  return ExitCode.fine;
}

export function remove(name: string, users: string): ExitCode {
  removeUser(users, name);
  print(terminalLine(`${name} was removed from ${users}`));
  return ExitCode.fine;
}

/** Typed without an echo, or the first line of standard input. Never an argument: other users of a machine can see those. */
async function askPassword(name: string): Promise<string> {
  const isTerminal = process.stdin.isTTY;
  if (isTerminal) standardError.write(terminalLine(`password for ${name}: `));
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silence, terminal: isTerminal });
  try {
    for await (const line of lines) return line;
  } finally {
    lines.close();
    if (isTerminal) standardError.write("\n");
  }
  throw new CommandError(`cannot add the user ${name} because no password came: type it, or send it by a pipe`);
}
