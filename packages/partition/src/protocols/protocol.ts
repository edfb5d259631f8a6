// What the partition needs of a protocol. The first part is light, for the main thread and the commands, which load neither an XML parser
// nor a protocol client. The configuration's part is loaded by the thread that reads configuration files (configuration-format.ts), the
// client by the worker thread that works with it.

import type { Log } from "@cpc-partition/process/log";
import type { ServerDescription } from "@cpc-partition/image/directory";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ConfiguredServer, ServiceConfiguration } from "../configuration/configuration.ts";
import type { ConfigurationFormat } from "./configuration-format.ts";
import type { Source } from "../sources/source.ts";

export interface Protocol {
  /** Begins the names of all objects of its service, and is the option that names its configuration file. */
  readonly name: ServiceName;
  /** `header.service` of an image. */
  readonly imageCode: number;
  /** What stands in its configuration files, for the help. */
  readonly fileHolds: string;
  /** The outermost element of its configuration files. */
  readonly rootElement: string;
  /** A server as its worker needs it, with the interval of the service where it has none of its own. */
  prepare(server: ConfiguredServer, serviceIntervalMs: number): ConfiguredServer;
  /** With every point polled: for whoever looks once and leaves nothing at the servers. */
  polled(configuration: ServiceConfiguration): ServiceConfiguration;
  /** What to do about a number that is nearly 0 or beyond all measures: continues a sentence. */
  readonly oddValueAdvice: string;
  /** Its servers as the image shows them before any of them has been asked. */
  describe(configuration: ServiceConfiguration): readonly ServerDescription[];
  /** Names that servers tell are remembered over restarts. */
  readonly remembersNames: boolean;
  loadFormat(): Promise<ConfigurationFormat>;
  loadClient(): Promise<ProtocolClient>;
}

export interface SourceContext {
  readonly log: Log;
  /** Own certificates and the trust list. */
  readonly certificatesDirectory: string;
  /** Where the names that its servers tell are remembered, and beside it what else outlives a run; undefined: nowhere. */
  readonly namesFile: string | undefined;
}

export interface ProtocolClient {
  /** How the paths of a library go on after `/node_modules/` that throws what a server provokes where nobody can catch it; absent: none. */
  readonly faultyPackages?: string;
  /** Called once in the thread that works with the protocol, before the first source is made. */
  prepareThread(): void;
  /** Returns what makes the source of one server of a configuration. */
  sources(context: SourceContext): (server: ConfiguredServer) => Source;
  /** Resolves when what the sources want to outlive the run is on disk, or could not be written; absent: that is nothing. */
  written?(): Promise<void>;
}
