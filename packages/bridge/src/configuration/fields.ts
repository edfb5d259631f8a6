// The settings of one map of the file, taken by name. Whatever is not as it should be is a problem with a line, and the default stands in, so
// that the rest is judged, too.

import { quote } from "@cpc-partition/process/quote";
import { resolveSecret, type SecretPlaces } from "@cpc-partition/process/secret";
import type { YamlMap, YamlNode } from "./parse-yaml.ts";
import type { Problems } from "./problems.ts";

export interface NumberBounds {
  readonly least: number;
  readonly most: number;
  readonly isWhole?: boolean;
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const sizeUnits: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

export class Fields {
  readonly problems: Problems;
  readonly line: number;
  /** Where it stands, for messages: `outputs[1].tls`; "" for the file. */
  readonly #place: string;
  readonly #map: YamlMap;
  readonly #asked = new Set<string>();

  constructor(map: YamlMap, place: string, problems: Problems) {
    this.#map = map;
    this.#place = place;
    this.problems = problems;
    this.line = map.line;
  }

  has(name: string): boolean {
    this.#asked.add(name);
    const node = this.#map.entries.get(name)?.node;
    return node !== undefined && !(node.kind === "scalar" && node.value === null && node.text === "");
  }

  lineOf(name: string): number {
    return this.#map.entries.get(name)?.line ?? this.line;
  }

  error(name: string, what: string): void {
    this.problems.error(this.lineOf(name), `${this.#path(name)} ${what}`);
  }

  text(name: string): string | undefined {
    const node = this.#node(name);
    if (node === undefined) return undefined;
    if (node.kind === "scalar" && node.text !== "") return node.text;
    this.error(name, "must be a text");
    return undefined;
  }

  requiredText(name: string, example: string): string {
    const text = this.text(name);
    if (text === undefined && !this.has(name)) this.error(name, `is missing; write ${name}: ${example}`);
    return text ?? "";
  }

  boolean(name: string, fallback: boolean): boolean {
    const node = this.#node(name);
    if (node === undefined) return fallback;
    if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
    this.error(name, "must be true or false");
    return fallback;
  }

  number(name: string, fallback: number, { least, most, isWhole = false }: NumberBounds): number {
    const node = this.#node(name);
    if (node === undefined) return fallback;
    const value = node.kind === "scalar" && typeof node.value === "number" ? node.value : Number.NaN;
    if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
    this.error(name, `must be a ${isWhole ? "whole " : ""}number from ${least} to ${most}`);
    return fallback;
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[], fallback: Choice): Choice {
    const text = this.text(name);
    const found = choices.find((choice) => choice === text);
    if (text === undefined || found !== undefined) return found ?? fallback;
    this.error(name, `is ${quote(text)}; it can be ${choices.join(", ")}`);
    return fallback;
  }

  /** In milliseconds: `500ms`, `10s`, `5m`, `2h`. */
  duration(name: string, fallbackMs: number, { least, most }: NumberBounds): number {
    const text = this.text(name);
    if (text === undefined) return fallbackMs;
    const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/.exec(text) ?? [];
    const value = Number(number) * (durationUnits[unit] ?? Number.NaN);
    if (value >= least && value <= most) return value;
    this.error(name, `must be a time from ${least} ms to ${most / 1000} s, for example 500ms, 10s or 5m`);
    return fallbackMs;
  }

  /** In bytes: `64M`, `2G`. */
  size(name: string, fallbackBytes: number, { least, most }: NumberBounds): number {
    const text = this.text(name);
    if (text === undefined) return fallbackBytes;
    const [, number, unit = ""] = /^(\d+)\s*([KMG]?)$/i.exec(text) ?? [];
    const value = Number(number) * (sizeUnits[unit.toUpperCase()] ?? Number.NaN);
    if (value >= least && value <= most) return value;
    this.error(name, `must be a size from ${least} to ${most} bytes, for example 64M or 2G`);
    return fallbackBytes;
  }

  texts(name: string): readonly string[] {
    const node = this.#node(name);
    if (node === undefined) return [];
    const items = node.kind === "list" ? node.items : [node];
    return items.flatMap((item) => {
      if (item.kind === "scalar" && item.text !== "") return [item.text];
      this.problems.error(item.line, `${this.#path(name)} must be a list of texts`);
      return [];
    });
  }

  /** A map inside this one; an absent one is as if it were empty. */
  map(name: string): Fields {
    const node = this.#node(name);
    if (node?.kind === "map") return new Fields(node, this.#path(name), this.problems);
    if (node !== undefined) this.error(name, "must be a map of settings");
    return new Fields({ kind: "map", line: this.line, entries: new Map() }, this.#path(name), this.problems);
  }

  maps(name: string): readonly Fields[] {
    const node = this.#node(name);
    if (node === undefined) return [];
    if (node.kind !== "list") {
      this.error(name, `must be a list; begin each entry with "- "`);
      return [];
    }
    return node.items.flatMap((item, index) => {
      const place = `${this.#path(name)}[${index + 1}]`;
      if (item.kind === "map") return [new Fields(item, place, this.problems)];
      this.problems.error(item.line, `${place} must be a map of settings`);
      return [];
    });
  }

  /** A secret, or a reference to it. It is read again at each connection, so this gives the way to it; a reference that leads nowhere is an error. */
  secret(name: string, places: SecretPlaces): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const secret = resolveSecret(text, places);
    if ("trouble" in secret) this.error(name, secret.trouble);
    return text;
  }

  /** Reports settings that nobody asked for. */
  end(): void {
    for (const [name, { line }] of this.#map.entries) {
      if (this.#asked.has(name)) continue;
      const known = [...this.#asked].toSorted().join(", ");
      this.problems.error(line, `${this.#path(name)} is not a setting; there are ${known}`);
    }
  }

  #node(name: string): YamlNode | undefined {
    return this.has(name) ? this.#map.entries.get(name)?.node : undefined;
  }

  #path(name: string): string {
    return this.#place === "" ? name : `${this.#place}.${name}`;
  }
}
