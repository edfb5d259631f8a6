// Keeps the keys of a service's points: remembers what the servers called them, on disk where there is a file for it, and says in the log
// what is special about keys: once for each server, however many points it has.

import type { Log } from "@cpc-partition/process/log";
import {
  decideServiceKeys,
  type KeyOwner,
  type PointKey,
  type RememberedName,
  type RememberedNames,
} from "@cpc-partition/image/values/point-keys";
import { NamesFile } from "./names-file.ts";

export type ServiceKeys<Owner extends KeyOwner> = ReadonlyMap<Owner, readonly PointKey[]>;

export class KeyBook {
  readonly #log: Log;
  readonly #file: NamesFile | undefined;
  #remembered: RememberedNames = new Map();
  /** How many points of a server the log knows of, by kind. */
  readonly #loggedContested = new WeakMap<KeyOwner, number>();
  readonly #loggedRenamed = new WeakMap<KeyOwner, number>();

  /** Without a file names are remembered as long as the book. */
  constructor(log: Log, file?: string) {
    this.#log = log;
    if (file === undefined) return;
    this.#file = new NamesFile(file, log);
    this.#remembered = this.#file.load();
  }

  /** The keys of these servers' points, with everything that the servers have told by now. */
  keysOf<Owner extends KeyOwner>(servers: readonly Owner[]): ServiceKeys<Owner> {
    const { keys, remembered } = decideServiceKeys(servers, this.#remembered);
    const isNew = !isSame(remembered, this.#remembered);
    this.#remembered = remembered;
    if (isNew) this.#file?.save(remembered);
    const holderOf = (wanted: string): string | undefined =>
      servers.find((_, index) => keys[index]?.some(({ key }) => key === wanted) === true)?.alias;
    for (const [index, server] of servers.entries()) this.#tell(server, keys[index] ?? [], holderOf);
    return new Map(servers.map((server, index) => [server, keys[index] ?? []]));
  }

  /** Resolves when everything that was learned is on disk, or could not be written. */
  async written(): Promise<void> {
    await this.#file?.written();
  }

  #tell(server: KeyOwner, keys: readonly PointKey[], holderOf: (key: string) => string | undefined): void {
    const contested = keys.filter(({ wanted, key }) => wanted !== key);
    const [first] = contested;
    if (first !== undefined && isWorthLogging(this.#loggedContested, server, contested.length)) {
      const holder = holderOf(first.wanted);
      const whose = holder === undefined ? "is the key of a connection" : `belongs to a point of "${holder}"`;
      this.#log(
        "warn",
        `${pointsOf(contested)} cannot have the plain key because another point has it: "${first.wanted}" ${whose}, so this server's is ` +
          `"${first.key}"; keys stay so, also after a restart ("cpc check" lists them all, <BrowseName> settles a key)`,
        { server: server.alias, contestedKeys: contested.length },
      );
    }
    const renamed = keys.filter(({ otherName }) => otherName !== undefined);
    const [other] = renamed;
    if (other !== undefined && isWorthLogging(this.#loggedRenamed, server, renamed.length)) {
      this.#log(
        "warn",
        `the server tells other browse names than expected for ${pointsOf(renamed)}: "${other.otherName}" where "${other.key}" stays the ` +
          "key; make sure that these are still the right nodes, and correct <BrowseName>, or remove the file with the remembered names",
        { server: server.alias, renamedPoints: renamed.length },
      );
    }
  }
}

function pointsOf(points: readonly unknown[]): string {
  return points.length === 1 ? "1 point" : `${points.length} points`;
}

/** At first, and when it has become twice as many: nodes that appear one by one must not fill the log. */
function isWorthLogging(logged: WeakMap<KeyOwner, number>, server: KeyOwner, count: number): boolean {
  if (count < 2 * (logged.get(server) ?? 0.5)) return false;
  logged.set(server, count);
  return true;
}

function isSame(a: RememberedNames, b: RememberedNames): boolean {
  if (a.size !== b.size) return false;
  for (const [identity, entry] of a) if (!isSameName(entry, b.get(identity))) return false;
  return true;
}

function isSameName(a: RememberedName, b: RememberedName | undefined): boolean {
  return a.name === b?.name && a.key === b.key;
}
