// What a protocol knows of its configuration files: how they are read, and what `check` says of them.

import type { ServiceConfiguration } from "../configuration/configuration.ts";
import type { ContestedKey } from "../configuration/contested-keys.ts";
import type { Problem } from "../configuration/problem.ts";
import type { RememberedNames } from "@cpc-partition/image/values/point-keys";

export interface ConfigurationFormat {
  /** The servers of all files, as one configuration. Throws a ConfigurationError with everything that is wrong. */
  read(files: readonly string[], options: ReadingOptions): ReadConfiguration;
  /** What cannot work because of a certificate, or of the directory that has them. Loaded on demand: parsers of certificates are large. */
  certificateFindings(configuration: ServiceConfiguration, directory: string): Promise<CertificateFindings>;
  /** What `check` tells of a configuration before anybody connects. */
  plan(configuration: ServiceConfiguration, serviceIntervalMs: number): Plan;
  keys(read: ReadConfiguration, remembered: RememberedNames): KeyPlan;
  /** For each server, in the order of the configuration. */
  points(configuration: ServiceConfiguration): Iterable<PlannedPoint>;
}

export interface ReadingOptions {
  /** Where relative file names of certificates and keys start. */
  readonly certificatesDirectory: string;
  /** Insecure policies are errors; default: they draw a warning. */
  readonly requireSecurity?: boolean | undefined;
  /** References to secrets are not followed. */
  readonly withoutSecrets?: boolean | undefined;
  /** Of servers that have no interval of their own; default: what depends on it is not checked. */
  readonly intervalMs?: number | undefined;
  /** Hears of each file before it is read. */
  readonly reading?: ((file: string) => void) | undefined;
}

export interface ReadConfiguration {
  readonly configuration: ServiceConfiguration;
  readonly warnings: readonly Problem[];
  /** What is worth a look when the file is written, and may be meant: for `check` alone. */
  readonly hints?: readonly Problem[];
  /** Every value that asks for the same key as another one, as far as no server has to be asked. */
  readonly contestedKeys?: readonly ContestedKey[];
}

export interface CertificateFindings {
  readonly problems: readonly Problem[];
  /** Why the certificates directory cannot be used by a server that needs it. */
  readonly directoryTrouble: string | undefined;
  readonly usesDirectory: boolean;
}

export const noCertificates: CertificateFindings = { problems: [], directoryTrouble: undefined, usesDirectory: false };

export interface Plan {
  readonly tables: readonly PlanTable[];
  readonly hints: readonly Problem[];
}

export interface PlanTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface KeyPlan {
  readonly contested: readonly ContestedKey[];
  /** Points whose name no server has reported yet. */
  readonly expected: number;
}

/** A point as `check --points` lists it. */
export interface PlannedPoint {
  readonly server: string;
  readonly key: string;
  /** What reads it: the request of its poll, or how its server is asked. */
  readonly request: string;
  /** Where it is in its device or server, in the words of the protocol. */
  readonly source: string;
  readonly type: string;
  readonly unit: string;
  /** Undefined: the service's. */
  readonly intervalMs: number | undefined;
}
