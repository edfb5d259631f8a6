// Polls COUNT holding registers of a device with jsmodbus: jsmodbus-client.ts MODULES PORT COUNT, where MODULES is the folder in which it is installed.

import { once } from "node:events";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { answerPolls, blocksOf } from "./polling.ts";

interface JsModbus {
  readonly client: {
    readonly TCP: new (
      socket: Socket,
      unitId: number,
    ) => {
      readHoldingRegisters(
        first: number,
        length: number,
      ): Promise<{ readonly response: { readonly body: { readonly valuesAsArray: Iterable<number> } } }>;
    };
  };
}

const [modules = "", port = "", count = ""] = process.argv.slice(2);
const require = createRequire(modules);
const { client } = require("jsmodbus") as JsModbus;
const { version } = require("jsmodbus/package.json") as { readonly version: string };
const blocks = blocksOf(Number(count));
let values: readonly Iterable<number>[] = [];
const socket = new Socket();
const device = new client.TCP(socket, 1);
socket.setNoDelay(true).connect({ host: "127.0.0.1", port: Number(port) });
await once(socket, "connect");
await answerPolls(
  async () => {
    const answers = await Promise.all(blocks.map(([first, length]) => device.readHoldingRegisters(first, length)));
    values = answers.map(({ response }) => response.body.valuesAsArray);
  },
  () => values.flatMap((some) => Array.from(some)).reduce((total, value) => total + value, 0),
  version,
);
socket.end();
