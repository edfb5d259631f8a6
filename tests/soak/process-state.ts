// What the kernel says about a process: memory, descriptors, mappings, processor time.

import { readdirSync, readFileSync } from "node:fs";

const pageBytes = 4096;
const ticksPerSecond = 100;

export interface ProcessState {
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly mappings: number;
  readonly sharedMappings: number;
  readonly cpuSeconds: number;
}

/** proc_pid_statm(5), proc_pid_stat(5). Throws when there is no such process. */
export function stateOfProcess(processId: number): ProcessState {
  const folder = `/proc/${processId}`;
  const maps = readFileSync(`${folder}/maps`, "utf8").trimEnd().split("\n");
  const rssPages = Number(readFileSync(`${folder}/statm`, "utf8").split(" ")[1]);
  // The name in parentheses may hold blanks.
  const afterName = readFileSync(`${folder}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return {
    rssBytes: rssPages * pageBytes,
    descriptors: readdirSync(`${folder}/fd`).length,
    mappings: maps.length,
    sharedMappings: maps.filter((line) => line.includes("/dev/shm/")).length,
    cpuSeconds: (Number(afterName[11]) + Number(afterName[12])) / ticksPerSecond,
  };
}
