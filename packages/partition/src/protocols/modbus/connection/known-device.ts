// What is known of a device since the last failure. One that closes a connection between two requests (idle gateways, devices that answer one
// request per connection) is still the same one on the next: who answers there, and what it refuses, stays known.

import { UnitTimeouts } from "./unit-timeouts.ts";

export class KnownDevice {
  readonly timeouts = new UnitTimeouts();
  /** Monotonic; the first request. */
  askedSinceMs: number | undefined;
  /** Monotonic; when the last request ended. */
  idleSinceMs = -Infinity;
}
