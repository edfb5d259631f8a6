// The health of a service and of its documents together: the image says the one, the documents' record the other.

import { documentsHealth } from "./documents-health.ts";
import { healthOf, observedImages, type ObservedImage, type ServiceHealth } from "@cpc-partition/image/health";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { serviceNames } from "@cpc-partition/image/service-name";

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

/** Keeps the images open between two looks: to open one decodes the names and texts of all its points. */
export class ObservedServices implements Disposable {
  readonly #prefix: string;
  readonly #images: readonly OpenedImage[];

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#images = serviceNames.map((service) => new OpenedImage(`${prefix}${service}_image`));
  }

  /** Of each service whose image is there, or should be. */
  statuses(nowMs: number): readonly ServiceStatus[] {
    return statusesOf(this.#prefix, observedImages(this.#images), nowMs);
  }

  [Symbol.dispose](): void {
    for (const image of this.#images) image.close();
  }
}

/** The same for one look. */
export function serviceStatuses(prefix: string, nowMs: number): readonly ServiceStatus[] {
  using services = new ObservedServices(prefix);
  return services.statuses(nowMs);
}

/** The same for a program that has the images open itself. */
export function statusesOf(
  prefix: string,
  observed: readonly ObservedImage[],
  nowMs: number,
): readonly ServiceStatus[] {
  return healthOf(observed, nowMs, prefix).map((health) =>
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
