// What the monitor looks at: the images under one prefix, kept open and mapped read-only, and the health that they tell.

import { overallHealth, type OverallHealth } from "@cpc-partition/documents/overall-health";
import { statusesOf, type ServiceStatus } from "@cpc-partition/documents/service-status";
import type { ImageReader } from "@cpc-partition/image";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { PosixError, UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { serviceNames, type ServiceName } from "@cpc-partition/image/service-name";
import { isHeartbeatOld } from "@cpc-partition/image/usable-value";

/** An image as it was found; `isAlive`: somebody keeps it up to date. */
export interface ObservedService {
  readonly service: ServiceName;
  readonly name: string;
  readonly image: ImageReader;
  readonly hasWriter: boolean;
  readonly isAlive: boolean;
}

export interface Observation {
  readonly nowMs: number;
  readonly images: readonly ObservedService[];
  readonly services: readonly ServiceStatus[];
  readonly overall: OverallHealth;
  /** Why an image that is there cannot be read, in the words of the system. */
  readonly unreadable: readonly string[];
}

/** Health is worked out once for everybody who asks within this time: its cost does not grow with the number of viewers. */
const freshMs = 200;

export class ObservedPartition implements Disposable {
  readonly prefix: string;
  readonly #opened: readonly { readonly service: ServiceName; readonly image: OpenedImage }[];
  #last: Observation | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.#opened = serviceNames.map((service) => ({ service, image: new OpenedImage(`${prefix}${service}_image`) }));
  }

  /** Images alone: cheap. Readers stay valid until the next call. */
  images(): { readonly images: readonly ObservedService[]; readonly unreadable: readonly string[] } {
    const unreadable: string[] = [];
    const images = this.#opened.flatMap(({ service, image }) => {
      try {
        const seen = image.look();
        if (seen === undefined) return [];
        const isAlive = seen.hasWriter && !seen.image.isRetired && !isHeartbeatOld(seen.image, Date.now());
        return [{ service, name: image.name, ...seen, isAlive }];
      } catch (error) {
        if (!(error instanceof PosixError || error instanceof UnsuitableObjectError)) throw error;
        unreadable.push(error.message);
        return [];
      }
    });
    return { images, unreadable };
  }

  observe(): Observation {
    const nowMs = performance.now();
    if (this.#last !== undefined && nowMs - this.#lastMs < freshMs) return this.#last;
    const { images, unreadable } = this.images();
    const services = statusesOf(this.prefix, images, Date.now());
    this.#last = { nowMs: Date.now(), images, services, overall: overallHealth(services), unreadable };
    this.#lastMs = nowMs;
    return this.#last;
  }

  [Symbol.dispose](): void {
    for (const { image } of this.#opened) image.close();
  }
}
