// What a secure session is at the moment, and what it has then. Every change goes through `set`.

import type { ClientSecureChannelLayer, ClientSession } from "node-opcua-client";
import type { ServerError } from "../../sources/server-error.ts";
import type { ChannelRecord } from "./channel/channel-record.ts";

export interface Channel {
  readonly layer: ClientSecureChannelLayer;
  readonly record: ChannelRecord;
}

/** Each has what there is then; no state comes back. */
export type State =
  /** No answer of the server's address yet. */
  | { readonly is: "connecting" }
  /** The library has made a channel, and opens it, and a session over it. */
  | { readonly is: "opening"; readonly channel: Channel }
  /** Somebody is logged in. `weakness`: how the login could be read on its way. */
  | {
      readonly is: "open";
      readonly channel: Channel;
      readonly session: ClientSession;
      readonly weakness: string | undefined;
    }
  /** Nothing can be sent any more, or must not. `reason`: why we hold it for lost ourselves. */
  | { readonly is: "lost"; readonly channel: Channel | undefined; readonly reason: ServerError | undefined }
  /** Our side has ended it; `done` when nothing of it is left. */
  | {
      readonly is: "closed";
      readonly channel: Channel | undefined;
      readonly reason: ServerError | undefined;
      readonly done: Promise<void>;
    };

export class SessionState {
  #now: State = { is: "connecting" };

  get now(): State {
    return this.#now;
  }

  set(next: State): void {
    this.#now = next;
  }

  get channel(): Channel | undefined {
    return this.#now.is === "connecting" ? undefined : this.#now.channel;
  }

  /** Why we hold it for lost, or held it when it was closed. */
  get reason(): ServerError | undefined {
    return this.#now.is === "lost" || this.#now.is === "closed" ? this.#now.reason : undefined;
  }

  /** False when it is known that nothing can be sent any more. */
  get isAlive(): boolean {
    return this.#now.is !== "lost" && this.#now.is !== "closed";
  }

  /** The first reason counts. What is closed stays closed. */
  lose(reason?: ServerError): void {
    if (this.#now.is !== "closed") this.set({ is: "lost", channel: this.channel, reason: this.reason ?? reason });
  }
}
