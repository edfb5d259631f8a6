// Waits for what another process or thread does, without a sleep of a guessed length.

import { setTimeout as pause } from "node:timers/promises";

export interface Patience {
  /** Default 150 s: only a hang takes so long, and the time-out of a test, 200 s, would not say what was waited for. */
  readonly giveUpAfterMs?: number;
  readonly lookAgainMs?: number;
  /** Why it can never come true any more, and what a failure should show. */
  readonly isHopeless?: () => boolean;
  readonly evidence?: () => string;
}

/** A condition that never comes true is a failure that names it. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  { giveUpAfterMs = 150_000, lookAgainMs = 10, isHopeless, evidence }: Patience = {},
): Promise<void> {
  const giveUpMs = performance.now() + giveUpAfterMs;
  while (!(await condition())) {
    if (isHopeless?.() === true || performance.now() > giveUpMs)
      throw new TypeError(`waited in vain until ${what}\n${evidence?.() ?? ""}`);
    await pause(lookAgainMs);
  }
}
