// A reader in a process of its own, told by lines on standard input what to do; agent.c and agent.py are the same in their languages.
//
//   dump                         the whole image in canonical text, or "none"
//   wait MS                      1 or 0
//   take                         "ok N" with the publication of server 0, "lapped" or "none"
//   alive                        1 or 0: whether there is a writer
//   torn COUNT checked|unchecked copies server 0 so often: "whole W torn T lapped L"
//
// Every answer ends with a line of one full stop.

import { createInterface } from "node:readline";
import { OpenedImage } from "../../../packages/image/src/reader.ts";
import { canonicalImage } from "../canonical.ts";
import { isWhole } from "../torn-pattern.ts";

const image = new OpenedImage(process.argv[2] ?? "");

function answer(command: string, argument: string, mode: string): readonly string[] {
  const reader = image.current();
  switch (command) {
    case "wait":
      return [image.waitForPublish(Number(argument)) ? "1" : "0"];
    case "alive":
      return [image.hasWriter() ? "1" : "0"];
    case "dump":
      return reader === undefined ? ["none"] : canonicalImage(reader, (server) => reader.snapshot(server));
    case "take": {
      const snapshot = reader?.snapshot(0);
      return [reader === undefined ? "none" : snapshot === undefined ? "lapped" : `ok ${snapshot.published}`];
    }
    default:
      return [torn(Number(argument), mode === "checked")];
  }
}

function torn(count: number, isChecked: boolean): string {
  const seen = { whole: 0, torn: 0, lapped: 0 };
  let reader = image.current();
  let snapshot = reader?.reusableSnapshot(0);
  for (let n = 0; n < count; n++) {
    if (n % 1000 === 0 && image.current() !== reader) {
      reader = image.current();
      snapshot = reader?.reusableSnapshot(0);
    }
    const isAccepted = snapshot?.refresh(isChecked ? 100 : 1) === true;
    if (snapshot === undefined || (isChecked && !isAccepted)) seen.lapped++;
    else if (isWhole(snapshot)) seen.whole++;
    else seen.torn++;
  }
  return `whole ${seen.whole} torn ${seen.torn} lapped ${seen.lapped}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command = "", argument = "", mode = ""] = line.split(" ");
  process.stdout.write([...answer(command, argument, mode), ".", ""].join("\n"));
}
image.close();
