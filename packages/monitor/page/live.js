// The stream of server-sent events: what is on the screen goes up in its address, changes come down. A stream that says nothing for two
// seconds is as good as none, whatever the connection looks like.

const silentAfterMs = 2000;

export class Live {
  #source;
  #view = "";
  #lastMs = performance.now();
  #isOpen = false;
  #onMessage;
  #onState;

  /** `onState(isLive)` is called when the stream begins or ends to be live, and every half second while it is not. */
  constructor(onMessage, onState = () => {}) {
    this.#onMessage = onMessage;
    this.#onState = onState;
    setInterval(() => this.#check(), 500);
  }

  /** Shows another view; the same one again changes nothing. `undefined` ends the stream. */
  show(view) {
    const text = view === undefined ? "" : addressOf(view);
    if (text === this.#view) return;
    this.#view = text;
    this.#open();
  }

  #open() {
    this.#source?.close();
    this.#source = undefined;
    if (this.#view === "") return;
    const source = new EventSource(`/live?${this.#view}`);
    this.#source = source;
    this.#lastMs = performance.now();
    source.addEventListener("message", ({ data }) => {
      if (source !== this.#source) return;
      this.#lastMs = performance.now();
      if (!this.#isOpen) {
        this.#isOpen = true;
        this.#onState(true);
      }
      this.#onMessage(JSON.parse(data));
    });
  }

  #check() {
    if (this.#view === "" || performance.now() - this.#lastMs < silentAfterMs) return;
    this.#isOpen = false;
    this.#onState(false);
    // The browser tries again after a lost connection, but not after a refusal, and it does not notice silence.
    if (this.#source?.readyState === EventSource.CLOSED || performance.now() - this.#lastMs > 5 * silentAfterMs)
      this.#open();
  }
}

function addressOf(view) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(view))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== "") fields.append(name, String(one));
  return fields.toString();
}
