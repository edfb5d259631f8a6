// Waiting for the end: the first SIGTERM or SIGINT asks for a clean stop, a second one ends at once.

/** `hangUp`: SIGHUP too, for what lives and dies with its terminal. */
export async function stopSignal(...hangUp: readonly "SIGHUP"[]): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ["SIGTERM", "SIGINT", ...hangUp] as const) process.once(signal, () => resolve(signal));
  return await promise;
}
