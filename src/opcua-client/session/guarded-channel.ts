// A message that node-opcua does not expect (an answer to a request that nobody asked, a request id twice) makes it throw where
// nobody can catch: in the socket's data event, which ends the process. Here such a message ends the connection instead.

import type { ClientSecureChannelLayer } from "node-opcua-client";

/** What is needed of node-opcua's transport. */
interface Emitter {
  emit(event: string, ...values: unknown[]): boolean;
}

/** From the first request on, whatever a received chunk makes node-opcua throw goes to `onViolation`. */
export function guardChannel(channel: ClientSecureChannelLayer, onViolation: (error: unknown) => void): void {
  channel.once("beforePerformTransaction", () => {
    const transport = channel.getTransport() as Emitter | undefined;
    if (transport === undefined) return;
    const emit = transport.emit.bind(transport);
    transport.emit = (event, ...values) => {
      if (event !== "chunk") return emit(event, ...values);
      try {
        return emit(event, ...values);
      } catch (error) {
        onViolation(error);
        return true;
      }
    };
  });
}

/** Ends the connection at once: socket, timers and requests under way. */
export function cutChannel(channel: ClientSecureChannelLayer): void {
  channel.forceConnectionBreak();
  channel.dispose();
}
