// Two watchdogs of a subscription, because each can be deceived alone. A server that is well sends something within the keep-alive time. And the
// server's own clock, which is subscribed to like the points, moves: where it stands still although keep-alives come, the server has stopped to
// look at its nodes. What the clock shows does not matter; it may be set at any time. Pure; times are monotonic.

export type Verdict = "well" | "silent" | "standing still";

export class Watchdogs {
  readonly #silentAfterMs: number;
  #stillAfterMs: number;
  #heardMs: number;
  /** Undefined: the clock has not reported yet, or cannot. */
  #movedMs: number | undefined;

  constructor(nowMs: number, silentAfterMs: number, stillAfterMs: number) {
    this.#heardMs = nowMs;
    this.#silentAfterMs = silentAfterMs;
    this.#stillAfterMs = stillAfterMs;
  }

  /** A message or a keep-alive of the subscription. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** The server's clock showed another time. */
  moved(nowMs: number): void {
    this.#movedMs = nowMs;
  }

  /** Nothing was taken until now: the silence was ours. */
  excuse(nowMs: number): void {
    this.#heardMs = nowMs;
    if (this.#movedMs !== undefined) this.#movedMs = nowMs;
  }

  /** The server looks at its clock less often than it was asked to. What is no number changes nothing. */
  stillAfter(stillAfterMs: number): void {
    if (stillAfterMs > this.#stillAfterMs) this.#stillAfterMs = stillAfterMs;
  }

  judge(nowMs: number): Verdict {
    if (nowMs - this.#heardMs > this.#silentAfterMs) return "silent";
    if (this.#movedMs !== undefined && nowMs - this.#movedMs > this.#stillAfterMs) return "standing still";
    return "well";
  }
}
