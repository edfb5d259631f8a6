// What a program tells the service manager that started it (systemd, `Type=notify`): ready, stopping, how it is, and that it is alive. Without
// one nothing is told.
//
// sd_notify(3), sd_watchdog_enabled(3). The environment is cleared, so that programs which we start do not speak for us.

import { sendToServiceManager } from "@cpc-partition/image/posix/service-manager-socket";
import type { Log } from "./log.ts";

/** Where the manager watches nothing, people may still want to see how the service is. */
const statusEveryMs = 10_000;
const longestStatus = 500;

export class ServiceManager {
  readonly #socket: string | undefined;
  /** Undefined: the manager does not wait for signs of life. */
  readonly #watchdogMs: number | undefined;
  readonly #log: Log;
  #isFailing = false;
  /** The manager has not taken yet that we are ready: it is told again with all that follows. */
  #owesReady = false;
  #isStopping = false;
  #tell = (): void => {};

  constructor(log: Log, environment: NodeJS.ProcessEnv = process.env) {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = environment;
    this.#log = log;
    this.#socket = socket === "" ? undefined : socket;
    const isOurs = watched === undefined || Number(watched) === process.pid;
    this.#watchdogMs = isOurs && Number(watchdog) > 0 ? Number(watchdog) / 1000 : undefined;
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
  }

  /** What got ready only while it stops is not told of. */
  ready(): void {
    if (this.#isStopping) return;
    this.#owesReady = true;
    this.#send();
    this.#tell();
  }

  stopping(): void {
    this.#isStopping = true;
    this.#owesReady = false;
    this.#send("STOPPING=1");
  }

  /**
   * From `ready` on tells how the service is, and that it is alive as long as `isWell` says so. The manager ends and starts it again when it
   * has heard nothing for its time. Returns what ends it.
   */
  watch(isWell: () => boolean, status: () => string): () => void {
    if (this.#socket === undefined) return () => {};
    const everyMs = Math.min(statusEveryMs, (this.#watchdogMs ?? Infinity) / 2);
    const tell = (): void => {
      try {
        const sign = this.#watchdogMs !== undefined && isWell() ? "\nWATCHDOG=1" : "";
        this.#send(`STATUS=${status().replaceAll("\n", " ").slice(0, longestStatus)}${sign}`);
      } catch (error) {
        this.#log("warn", `cannot tell the service manager how this service is: ${(error as Error).message}`);
      }
    };
    this.#tell = tell;
    const timer = setInterval(tell, everyMs);
    return () => {
      clearInterval(timer);
      this.#tell = () => {};
    };
  }

  #send(...states: readonly string[]): void {
    if (this.#socket === undefined) return;
    try {
      const told = this.#owesReady ? ["READY=1", ...states] : states;
      // A manager that is busy, with the start of a machine for example, takes nothing for a moment.
      if (sendToServiceManager(this.#socket, told.join("\n"))) this.#owesReady = false;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log("warn", (error as Error).message);
      this.#isFailing = true;
    }
  }
}
