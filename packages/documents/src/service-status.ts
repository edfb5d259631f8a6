// The health of a service and of its documents together: the image says the one, the documents' record the other.

import { documentsHealth } from "./documents-health.ts";
import { healthOf, type ObservedImage, type ServiceHealth } from "@cpc-partition/image/health";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import type { ServiceName } from "@cpc-partition/image/service-name";

export interface ServiceStatus extends ServiceHealth {
  /** A process keeps the documents up to date; null: none ever did, or it ended in order (another one may follow). */
  readonly documentsAlive: boolean | null;
  /** Of the documents process, since it was started by somebody. */
  readonly documentsDeaths: number;
  /** Semaphores that the documents process does not use any more, because a consumer ended it with them. */
  readonly unguardedSemaphores: readonly string[];
  readonly documents: number;
  readonly documentBytes: number;
  readonly documentCapacityBytes: number;
  readonly documentEntriesMissing: number;
  readonly guardTimeouts: number;
  readonly guardSeizures: number;
}

/** Of each service whose image is there. */
export function serviceStatuses(prefix: string, nowMs: number): readonly ServiceStatus[] {
  const services: readonly ServiceName[] = ["opcua", "modbus"];
  const opened = services.map((service) => new OpenedImage(`${prefix}${service}_image`));
  try {
    const observed = opened.flatMap((image) => {
      const reader = image.current();
      return reader === undefined ? [] : [{ name: image.name, image: reader, hasWriter: image.hasWriter() }];
    });
    return statusesOf(prefix, observed, nowMs);
  } finally {
    for (const image of opened) image.close();
  }
}

/** The same for a program that keeps the images open. */
export function statusesOf(
  prefix: string,
  observed: readonly ObservedImage[],
  nowMs: number,
): readonly ServiceStatus[] {
  return healthOf(observed, nowMs).map((health) =>
    withDocuments(health, `${prefix}${health.service}_documents`, nowMs),
  );
}

function withDocuments(health: ServiceHealth, name: string, nowMs: number): ServiceStatus {
  const documents = documentsHealth(name, nowMs);
  const figures = documents?.figures;
  return {
    ...health,
    documentsAlive: documents === undefined || documents.isEnded ? null : documents.isAlive,
    documentsDeaths: figures?.deaths ?? 0,
    unguardedSemaphores: documents?.unguarded ?? [],
    documents: figures?.documents ?? 0,
    documentBytes: figures?.documentBytes ?? 0,
    documentCapacityBytes: figures?.documentCapacityBytes ?? 0,
    documentEntriesMissing: figures?.documentEntriesMissing ?? 0,
    guardTimeouts: figures?.guardTimeouts ?? 0,
    guardSeizures: figures?.guardSeizures ?? 0,
    objectsRestored: health.objectsRestored + (figures?.objectsRestored ?? 0),
  };
}
