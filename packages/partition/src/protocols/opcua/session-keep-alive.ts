// Servers end a session over which no request came for the time-out that they chose themselves (OPC 10000-4, 5.7.2), a Siemens S7-1500 after
// 30 s. Where polls come more seldom, a cheap request after half of that time keeps it.

/** A server that grants less is asked no more often than this. */
const leastPauseMs = 250;
/** What a timer can hold. */
const longestPauseMs = 2 ** 31 - 1;

export class SessionKeepAlive {
  readonly #ask: (signal: AbortSignal) => Promise<void>;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #request: Promise<void> | undefined;

  /** `ask` sends the cheap request and never rejects. */
  constructor(ask: (signal: AbortSignal) => Promise<void>) {
    this.#ask = ask;
  }

  /** The request that is underway. */
  get request(): Promise<void> | undefined {
    return this.#request;
  }

  /** `revisedMs` is the server's word, `requestedMs` ours, for a server that says nothing sensible. */
  start(revisedMs: number, requestedMs: number): void {
    const timeoutMs = Number.isFinite(revisedMs) && revisedMs > 0 ? revisedMs : requestedMs;
    const pauseMs = Math.min(longestPauseMs, Math.max(leastPauseMs, timeoutMs / 2));
    this.#timer = setTimeout(() => this.#run(), pauseMs);
  }

  /** A request is about to leave: that keeps the session, too. */
  postpone(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stop.abort();
  }

  #run(): void {
    this.#request ??= this.#ask(this.#stop.signal).finally(() => {
      this.#request = undefined;
      this.postpone();
    });
  }
}
