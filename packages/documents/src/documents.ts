// The documents of all services in this process, until they are told to stop.

import type { ServiceName } from "@cpc-partition/image/service-name";
import type { Log } from "@cpc-partition/process/log";
import { DocumentService, type DocumentServiceOptions } from "./document-service.ts";

export interface DocumentsOptions extends DocumentServiceOptions {
  readonly services: readonly ServiceName[];
}

export interface StopOrder {
  readonly removeObjects: boolean;
}

/**
 * `begun` is called when the consumers' objects of every service are there. Throws an AnotherWriterError while another process makes these
 * documents, an UnsuitableObjectError or PosixError.
 */
export async function runDocuments(
  options: DocumentsOptions,
  stopped: Promise<StopOrder>,
  log: Log,
  begun: () => void = () => {},
): Promise<void> {
  const services: DocumentService[] = [];
  try {
    for (const service of options.services) services.push(new DocumentService(service, options, log));
  } catch (error) {
    for (const service of services) service.close(false);
    throw error;
  }
  void Promise.all(services.map((service) => service.begun)).then(begun);
  const ended = Promise.all(services.map((service) => service.run()));
  let removeObjects = false;
  try {
    // None of them ends by itself but with an error.
    ({ removeObjects } = await Promise.race([stopped, ended.then(() => stopped)]));
    for (const service of services) service.stop();
    await ended;
  } finally {
    for (const service of services) {
      service.stop();
      service.close(removeObjects);
    }
  }
}
