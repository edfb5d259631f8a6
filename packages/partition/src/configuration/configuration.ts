// What the configurations of all protocols have in common. The rest of one is in the folder of its protocol.

import type { ServiceName } from "@cpc-partition/image/service-name";

/** Where a thing stands in its file, for messages. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

/** The configuration of one service, as everybody sees it who does not know its protocol. */
export interface ServiceConfiguration {
  readonly servers: readonly ConfiguredServer[];
}

export interface ConfiguredServer {
  readonly alias: string;
  readonly location: Location;
}

/** Of each service that is configured. */
export type ServiceConfigurations = Readonly<Partial<Record<ServiceName, ServiceConfiguration | undefined>>>;
