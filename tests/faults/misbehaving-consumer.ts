// A consumer that does not keep to the contract, as a process of its own, to be stopped and killed: `misbehaving-consumer.ts HABIT
// SEMAPHORE`. Talks in messages: "ready" when it has the semaphore open, "held" when it has taken it.

import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";

const [habit = "", name = ""] = process.argv.slice(2);
const opened = NamedSemaphore.openExisting(name);
if (opened === undefined) throw new TypeError(`no semaphore ${name}`);
const semaphore = opened;
const postsInOneGo = 1000;
/** Longest time that the one which is going to be killed keeps the guard; and a sixteenth of it for the time between. */
const heldMs = 8;

const say = (message: string): boolean => process.send?.(message) === true;
const take = (): void => {
  while (!semaphore.tryWait());
};
const spin = (durationMs: number): void => {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
};

say("ready");
process.on("message", (message) => {
  if (message === "give back") {
    semaphore.post();
    say("given back");
  } else if (habit === "holds") {
    take();
    say("held");
  } else if (habit === "takes whenever it can") {
    take();
    say("held");
    setInterval(() => semaphore.tryWait(), 1);
  } else if (habit === "posts") {
    const post = (): void => {
      for (let count = 0; count < postsInOneGo; count++) semaphore.post();
      setImmediate(post);
    };
    post();
    say("posted");
  } else {
    // To be killed at any moment: while it takes, while it holds, while it gives back, and in between.
    say("started");
    for (;;) {
      take();
      spin(Math.random() * heldMs);
      semaphore.post();
      spin(Math.random() * (heldMs / 16));
    }
  }
});
