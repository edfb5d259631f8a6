// What a process has taken, by the operating system's account: /proc, proc_pid_schedstat and proc_pid_status.

import { readdirSync, readFileSync } from "node:fs";

export interface Memory {
  readonly residentMiB: number;
  readonly mostMiB: number;
  /** Of no other process. */
  readonly privateMiB: number;
  readonly sharedMemoryMiB: number;
}

/** Processor time of all threads that are alive, user and system, in ms. */
export function cpuMsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadCpuMs(pid, thread), 0);
}

/** The same with threads that have ended, in steps of 10 ms. proc_pid_stat(5) */
export function wholeCpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return 10 * (Number(user) + Number(system));
}

function threadCpuMs(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return 0; // it has just ended
  }
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const smaps = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return {
    residentMiB: mebibytes(status, "VmRSS"),
    mostMiB: mebibytes(status, "VmHWM"),
    privateMiB: mebibytes(smaps, "Private_Dirty") + mebibytes(smaps, "Private_Clean"),
    sharedMemoryMiB: mebibytes(status, "RssShmem"),
  };
}

function mebibytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
}
