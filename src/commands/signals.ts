// Waiting for the end: the first SIGTERM or SIGINT asks for a clean stop, a second one ends at once.

export async function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  return await promise;
}
