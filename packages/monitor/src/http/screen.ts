// What one browser has been shown, so that it is sent changes only.

import type { OverallHealth } from "@cpc-partition/documents/overall-health";
import type { Observation, ObservedService } from "../observation/observed-partition.ts";
import type { PointCatalog } from "../observation/point-catalog.ts";
import type { PointRow } from "../observation/point-row.ts";
import type { Problem } from "../observation/problems.ts";
import { serverRows, type ServerRow } from "../observation/server-row.ts";
import type { TrendPart, TrendPlace, Trends, TrendViewer } from "../observation/trends.ts";
import type { View } from "./view.ts";

/** What there is to see at one moment. */
export interface Scene {
  readonly nowMs: number;
  readonly observation: Observation;
  readonly images: readonly ObservedService[];
  readonly problems: readonly Problem[];
  readonly catalog: PointCatalog;
  readonly trends: Trends;
}

/** A part of a list; `rows` by their place in the whole list, those that changed. */
export interface ListPart<Row> {
  readonly total: number;
  readonly all: number;
  readonly rows: Readonly<Record<number, Row>>;
}

export interface Changes {
  /** The gateway's clock: ages are counted by it. */
  readonly nowMs: number;
  readonly overall?: OverallHealth & {
    readonly problems: readonly Problem[];
    readonly problemCount: number;
    readonly servers: number;
  };
  readonly serverNames?: readonly string[];
  readonly points?: ListPart<PointRow>;
  readonly servers?: ListPart<ServerRow>;
  /** Rows of the chosen points, by id; null: there is no such point any more. */
  readonly chosen?: Readonly<Record<string, PointRow | null>>;
  readonly trend?: readonly TrendPart[];
}

const mostProblems = 200;

export class Screen {
  readonly #view: View;
  readonly #sent = new Map<string, string>();
  #trend: TrendViewer | undefined;

  constructor(view: View) {
    this.#view = view;
  }

  changes(scene: Scene): Changes {
    const { nowMs, observation, problems, catalog } = scene;
    const { list, chosen } = this.#view;
    const overall = {
      ...observation.overall,
      problems: problems.slice(0, mostProblems),
      problemCount: problems.length,
    };
    const serverNames = observation.services.flatMap(({ servers, isOfEndedRun }) =>
      isOfEndedRun ? [] : servers.map(({ server }) => server),
    );
    return {
      nowMs,
      ...this.#ifChanged("overall", overall),
      ...this.#ifChanged("serverNames", serverNames),
      ...(list === "points" ? this.#points(catalog, nowMs) : {}),
      ...(list === "servers" ? this.#servers(scene) : {}),
      ...(chosen.length > 0 ? this.#chosen(scene) : {}),
    };
  }

  close(): void {
    this.#trend?.close();
  }

  #points(catalog: PointCatalog, nowMs: number): Pick<Changes, "points"> {
    const { query, first, count } = this.#view;
    const order = catalog.find(query, nowMs);
    const rows = Array.from(order.subarray(first, first + count), (number) => catalog.row(number, nowMs));
    return { points: { total: order.length, all: catalog.count, rows: this.#changedRows(rows) } };
  }

  #servers({ observation, images }: Scene): Pick<Changes, "servers"> {
    const { query, first, count } = this.#view;
    const found = serverRows(observation.services, images, query.search);
    const rows = found.slice(first, first + count).map(({ row }) => row());
    return { servers: { total: found.length, all: observation.overall.servers, rows: this.#changedRows(rows) } };
  }

  #chosen({ catalog, trends, nowMs }: Scene): Pick<Changes, "chosen" | "trend"> {
    const { chosen } = this.#view;
    const rows: Record<string, PointRow | null> = {};
    const places = new Map<string, TrendPlace>();
    for (const id of chosen) {
      const number = catalog.numberOf(id);
      const place = number === undefined ? undefined : catalog.placeOf(number);
      if (place !== undefined) places.set(id, place);
      const row = (number === undefined ? undefined : catalog.row(number, nowMs)) ?? null;
      if (this.#isNew(`chosen ${id}`, row)) rows[id] = row;
    }
    this.#trend ??= trends.viewer();
    const trend = this.#trend.take(places, rows);
    return {
      ...(Object.keys(rows).length > 0 ? { chosen: rows } : {}),
      ...(trend.length > 0 ? { trend } : {}),
    };
  }

  #changedRows<Row>(rows: readonly (Row | undefined)[]): Readonly<Record<number, Row>> {
    const changed: Record<number, Row> = {};
    for (const [index, row] of rows.entries()) {
      const place = this.#view.first + index;
      if (row !== undefined && this.#isNew(`row ${place}`, row)) changed[place] = row;
    }
    return changed;
  }

  #ifChanged<Name extends string, Content>(name: Name, content: Content): Partial<Record<Name, Content>> {
    return this.#isNew(name, content) ? ({ [name]: content } as Record<Name, Content>) : {};
  }

  #isNew(name: string, content: unknown): boolean {
    const text = JSON.stringify(content);
    if (this.#sent.get(name) === text) return false;
    this.#sent.set(name, text);
    return true;
  }
}
