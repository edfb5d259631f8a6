// What the partition needs of a protocol. The first half is light, for the main thread and the commands, which load no protocol client; the
// second is loaded by the worker thread that works with it.

import type { Log } from "@cpc-partition/process/log";
import type { ServerDescription } from "@cpc-partition/image/directory";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ServiceConfiguration } from "../configuration/configuration.ts";
import type { Source } from "../sources/source.ts";

export interface Protocol {
  /** Begins the names of all objects of its service, and is the option that names its configuration file. */
  readonly name: ServiceName;
  /** `header.service` of an image. */
  readonly imageCode: number;
  /** What stands in its configuration file, for the help. */
  readonly fileHolds: string;
  /** The configuration as its worker needs it, where servers have no interval of their own. */
  prepare(configuration: ServiceConfiguration, intervalMs: number): ServiceConfiguration;
  /** Its servers as the image shows them before any of them has been asked. */
  describe(configuration: ServiceConfiguration): readonly ServerDescription[];
  /** Names that servers tell are remembered over restarts. */
  readonly remembersNames: boolean;
  loadClient(): Promise<ProtocolClient>;
}

export interface SourceContext {
  readonly log: Log;
  /** Own certificates and the trust list. */
  readonly certificatesDirectory: string;
}

export interface ProtocolClient {
  /** How the paths of a library go on after `/node_modules/` that throws what a server provokes where nobody can catch it; absent: none. */
  readonly faultyPackages?: string;
  /** Called once in the thread that works with the protocol, before the first source is made. */
  prepareThread(): void;
  /** Returns what makes the source of one server of a configuration. */
  sources(context: SourceContext): (server: ServiceConfiguration["servers"][number]) => Source;
}
