// What a program gives to a service that runs in its own thread.

import type { ManagerOptions, PeriodicReadSettings } from "./client-manager.ts";
import type { DocumentSegment } from "@cpc-partition/documents/document-segment";
import type { Guard } from "@cpc-partition/documents/guard";

export interface ServiceOptions extends ManagerOptions, PeriodicReadSettings {
  /** The configuration (XML). */
  readonly file: string;
  /** Default 1. */
  readonly intervalSeconds?: number;
  /** Where documents go, each guarded by the semaphore at the same place of `semaphoreList`; none: only the process image is kept. */
  readonly shmList?: readonly DocumentSegment[];
  readonly semaphoreList?: readonly Guard[];
  /** Own certificates and the trust list; relative names of files in the configuration start here. Default "certificates". */
  readonly certificatesDirectory?: string;
  /** Where the browse names that OPC UA servers tell are remembered, so that keys stay the same over restarts; default: nowhere. */
  readonly namesFile?: string | undefined;
}
