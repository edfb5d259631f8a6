// Reads the configuration files that a command was given, and looks at the certificates that they name: everything that may take long
// because of what somebody wrote. Runs in a thread of its own (load-configurations.ts).

import type { ServiceConfigurations } from "../configuration/configuration.ts";
import { findFiles } from "../configuration/configuration-paths.ts";
import { ConfigurationError, type Problem } from "../configuration/problem.ts";
import type { CertificateFindings, ReadConfiguration, ReadingOptions } from "../protocols/configuration-format.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { perProtocol, protocols } from "../protocols/registry.ts";
import type { ServiceName } from "@cpc-partition/image/service-name";

/** For each service its files and directories. */
export type ConfigurationPaths = Readonly<Partial<Record<ServiceName, readonly string[] | undefined>>>;

export interface ConfigurationFiles extends Pick<
  ReadingOptions,
  "certificatesDirectory" | "requireSecurity" | "intervalMs"
> {
  readonly paths: ConfigurationPaths;
}

export interface Configurations extends CertificateFindings {
  readonly services: ServiceConfigurations;
  readonly warnings: readonly Problem[];
}

/** Throws one ConfigurationError with the problems of all files. `reading` hears of each file before it is read. */
export async function readConfigurations(
  { paths, ...options }: ConfigurationFiles,
  reading: (file: string) => void,
  all: readonly Protocol[] = protocols,
): Promise<Configurations> {
  const problems: Problem[] = [];
  const read: { readonly protocol: Protocol; readonly found: ReadConfiguration }[] = [];
  for (const { protocol, value } of perProtocol<readonly string[]>(paths, all)) {
    const { files, problems: missing } = await findFiles(value);
    problems.push(...missing);
    if (files.length === 0) continue;
    try {
      read.push({ protocol, found: (await protocol.loadFormat()).read(files, { ...options, reading }) });
    } catch (error) {
      problems.push(...problemsOf(error));
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  const certificates = await Promise.all(
    read.map(async ({ protocol, found }) =>
      (await protocol.loadFormat()).certificateFindings(found.configuration, options.certificatesDirectory),
    ),
  );
  return {
    services: Object.fromEntries(read.map(({ protocol, found }) => [protocol.name, found.configuration])),
    warnings: read.flatMap(({ found }) => found.warnings),
    problems: certificates.flatMap((findings) => findings.problems),
    directoryTrouble: certificates.find(({ directoryTrouble }) => directoryTrouble !== undefined)?.directoryTrouble,
    usesDirectory: certificates.some(({ usesDirectory }) => usesDirectory),
  };
}

/** Throws what is no error of a configuration. */
export function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof ConfigurationError) return error.problems;
  throw error;
}
