import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect, type AddressInfo } from "node:net";
import { test } from "node:test";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { giveUpListening } from "../../../packages/image/src/posix/no-listening.ts";

interface Order {
  readonly givesUp: boolean;
  /** It has a thread of its own do the rest. */
  readonly isParent?: boolean;
  /** Of a server elsewhere. */
  readonly port: number;
}

interface Outcome {
  readonly isHeld: boolean;
  readonly listening: string;
  readonly connecting: string;
}

/** "fine", or the error's code. */
async function tryTo(
  socket: { once(event: string, done: (error?: NodeJS.ErrnoException) => void): unknown },
  event: string,
) {
  return await new Promise<string>((resolve) => {
    socket.once(event, () => resolve("fine"));
    socket.once("error", (error) => resolve(error?.code ?? ""));
  });
}

async function outcomeOf(order: Order): Promise<Outcome> {
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  const exited = once(worker, "exit");
  const [outcome] = (await once(worker, "message")) as [Outcome];
  await exited;
  return outcome;
}

if (!isMainThread) {
  const { givesUp, isParent, port } = workerData as Order;
  const isHeld = givesUp && giveUpListening();
  if (isParent === true) parentPort?.postMessage({ ...(await outcomeOf({ givesUp: false, port })), isHeld });
  else {
    const server = createServer().listen(0, "127.0.0.1");
    const listening = await tryTo(server, "listening");
    server.close();
    const socket = connect(port, "127.0.0.1");
    const connecting = await tryTo(socket, "connect");
    socket.destroy();
    const outcome: Outcome = { isHeld, listening, connecting };
    parentPort?.postMessage(outcome);
  }
} else {
  for (const isParent of [false, true])
    test(`${isParent ? "what a thread starts that gave" : "a thread that gave"} up listening is refused by the kernel, connects as before, and other threads listen`, async (t) => {
      const server = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const { isHeld, listening, connecting } = await outcomeOf({ givesUp: true, isParent, port });
      if (!isHeld) t.diagnostic("this kernel has no Landlock with networks: nothing is refused");
      assert.equal(listening, isHeld ? "EACCES" : "fine");
      assert.equal(connecting, "fine");
      const other = await outcomeOf({ givesUp: false, isParent, port });
      assert.deepEqual(other, { isHeld: false, listening: "fine", connecting: "fine" });
    });
}
