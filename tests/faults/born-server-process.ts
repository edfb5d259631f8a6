// A server of born values in a process of its own, to be stopped and killed: `born-server-process.ts modbus|opcua PLACE POINTS PORT HOST`.
// Prints its port on a line when it listens; ends with SIGTERM.

import type { Lifetime } from "../image/posix/own-objects.ts";

const [kind, firstPlace = "0", points = "1", port = "0", host = "127.0.0.1"] = process.argv.slice(2);
const endings: (() => unknown)[] = [];
const life: Lifetime = { after: (ending) => void endings.push(ending) };
const start = {
  modbus: async () => (await import("./born-modbus.ts")).startBornDevice(life, Number(firstPlace), Number(port), host),
  // Loaded only when wanted: it takes a second.
  opcua: async () =>
    (await import("./born-opcua.ts")).startBornOpcUa(life, Number(firstPlace), Number(points), {
      port: Number(port),
      host,
    }),
}[kind === "modbus" ? "modbus" : "opcua"];
const started = await start();
process.stdout.write(`${started.port}\n`);
process.once("SIGTERM", () => {
  void Promise.all(endings.map((ending) => ending())).then(() => process.exit(0));
});
