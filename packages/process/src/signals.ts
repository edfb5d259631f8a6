// Signals. The first SIGTERM or SIGINT asks for a clean stop, a second one ends at once. SIGHUP asks for the configuration to be read again,
// and ends nothing, whenever it comes.

/** `hangUp`: SIGHUP too, for what lives and dies with its terminal. */
export async function stopSignal(...hangUp: readonly "SIGHUP"[]): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let isAsked = false;
  for (const signal of ["SIGTERM", "SIGINT", ...hangUp] as const) {
    // Stays for good: libraries that restore the terminal end the process when they find no listener but their own.
    process.on(signal, () => {
      if (isAsked) process.kill(process.pid, "SIGKILL");
      isAsked = true;
      resolve(signal);
    });
  }
  return await promise;
}

/** Every SIGHUP from now on. One that comes before there is a listener is told to the first, one that comes without any is ignored. */
export class Hangups {
  #listener: (() => void) | undefined;
  #isPending = false;

  constructor() {
    process.on("SIGHUP", () => {
      if (this.#listener === undefined) this.#isPending = true;
      else this.#listener();
    });
  }

  listen(listener: () => void): void {
    this.#listener = listener;
    if (this.#isPending) listener();
    this.#isPending = false;
  }

  ignore(): void {
    this.#listener = () => {};
  }
}
