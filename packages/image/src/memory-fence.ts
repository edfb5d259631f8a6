// Keeps the plain reads and writes before it from mixing with those after it, which JavaScript has no operation for.
//
// An Atomics.store is a store-release, an Atomics.load a load-acquire. On Arm (Armv8-A memory model, "barrier-ordered-before") nothing falls
// behind a later store-release, no load-acquire overtakes an earlier store-release, and nothing overtakes an earlier load-acquire: one
// of each, in this order, is a wall. On x86 the store alone is one.

const word = new Int32Array(1);
/** What was loaded is used, so no compiler may leave the load out. */
let passed = 0;

export function memoryFence(): void {
  Atomics.store(word, 0, passed + 1);
  passed = Atomics.load(word, 0);
}
