// node-opcua reports warnings and errors of its own on the console, where a service has nothing to lose but its log format.
// A thread or program of ours ends that; a program that works with our library keeps its console. Nothing is missed: whatever fails reaches our caller as a ServerError.
//
// Most of it goes through loggers that look for their caller in a stack first, unless their level is off: a server that sends a hundred thousand
// things worth a warning would be given seconds of the thread. Some of its packages write to the console directly (a status code that
// is not in the standard's table, say, for each value and poll): what they write is dropped by who calls.

import { LogLevel, setLogLevel } from "node-opcua-client";

/** In this thread. */
export function silenceNodeOpcUa(): void {
  setLogLevel(LogLevel.Emergency);
  for (const method of ["debug", "error", "info", "log", "warn"] as const) {
    const write = console[method].bind(console);
    console[method] = (...values: unknown[]): void => {
      if (!isCalledByNodeOpcUa()) write(...values);
    };
  }
}

function isCalledByNodeOpcUa(): boolean {
  // "Error", this function, the console's method, its caller
  return new Error("where").stack?.split("\n", 4)[3]?.includes("/node_modules/node-opcua-") ?? false;
}
