// Two hosts of their own with a cable between them, inside this machine: network namespaces that see neither each other's loopback nor any
// network outside. What the test does to the cable or to the routes concerns nobody else. ip-netns(8), ip-route(8).
//
// Needs root and iproute2; where that is not to be had, `create` skips the test and says why.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

const partitionAddress = "10.203.0.1";
const plantAddress = "10.203.0.2";
/** Where ip-netns(8) looks for files that take the place of those in /etc. */
const etc = "/etc/netns";
const prefix = "cpc-test-";

let created = 0;

export class TwoHosts {
  /** Where the device or server is. */
  readonly address = plantAddress;
  readonly plantName = "plant.invalid";
  readonly #partition: string;
  readonly #plant: string;

  private constructor(name: string) {
    this.#partition = `${name}-partition`;
    this.#plant = `${name}-plant`;
  }

  /** Undefined: the machine does not allow it, and the test is skipped. */
  static create(t: TestContext): TwoHosts | undefined {
    removeLeftOvers();
    const hosts = new TwoHosts(`${prefix}${process.pid}-${created++}`);
    t.after(() => hosts.#remove());
    try {
      hosts.#connect();
      return hosts;
    } catch (error) {
      if (!(error instanceof IpError)) throw error;
      t.skip(`no network namespaces: ${error.message}`);
      return undefined;
    }
  }

  /** What a process on the partition's host is run by. */
  get onPartition(): readonly string[] {
    return ["ip", "netns", "exec", this.#partition];
  }

  /** What a process on the plant's host is run by. */
  get onPlant(): readonly string[] {
    return ["ip", "netns", "exec", this.#plant];
  }

  /** The plant's end of the cable. */
  plug(isPlugged: boolean): void {
    ip("-netns", this.#plant, "link", "set", "eth0", isPlugged ? "up" : "down");
  }

  /** Whatever the plant sends vanishes, down to the answer to a SYN. Nobody is told. */
  silence(isSilent: boolean): void {
    ip("-netns", this.#plant, "route", isSilent ? "add" : "del", "blackhole", partitionAddress);
  }

  /** The partition's host knows no way to the plant: each attempt fails at once. */
  unroute(isUnreachable: boolean): void {
    ip("-netns", this.#partition, "route", isUnreachable ? "add" : "del", "unreachable", plantAddress);
  }

  /** Whom the partition's host asks for names, from the next process on: nobody listens there, or nobody answers once the plant is silent. */
  nameServer(which: "none" | "plant"): void {
    const address = which === "plant" ? plantAddress : "127.0.0.1";
    writeFileSync(join(etc, this.#partition, "resolv.conf"), `nameserver ${address}\n`);
  }

  /** The partition's host knows the plant's name by itself; before, it asks its name server, in vain, as it does for its own name. */
  name(isKnown: boolean): void {
    const hosts = `127.0.0.1 localhost\n${isKnown ? `${plantAddress} ${this.plantName}\n` : ""}`;
    // In place: a process that runs already has this very file.
    writeFileSync(join(etc, this.#partition, "hosts"), hosts);
  }

  /** Connections that the plant believes to be open. */
  plantConnections(port: number): number {
    const args = [...this.onPlant.slice(1), "ss", "-Htn", "state", "established", "sport", "=", `:${port}`];
    return ip(...args)
      .split("\n")
      .filter((line) => line !== "").length;
  }

  #connect(): void {
    for (const name of [this.#partition, this.#plant]) ip("netns", "add", name);
    const ends = ["netns", this.#partition, "type", "veth", "peer", "name", "eth0", "netns", this.#plant];
    ip("link", "add", "eth0", ...ends);
    for (const [name, address] of [
      [this.#partition, partitionAddress],
      [this.#plant, plantAddress],
    ] as const) {
      ip("-netns", name, "address", "add", `${address}/30`, "dev", "eth0");
      for (const link of ["lo", "eth0"]) ip("-netns", name, "link", "set", link, "up");
    }
    mkdirSync(join(etc, this.#partition), { recursive: true });
    this.nameServer("none");
    this.name(false);
  }

  #remove(): void {
    for (const name of [this.#partition, this.#plant]) removeNamespace(name);
  }
}

/** What a killed run left. */
function removeLeftOvers(): void {
  if (!existsSync("/run/netns")) return;
  for (const name of readdirSync("/run/netns")) {
    const processId = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (processId !== undefined && !existsSync(`/proc/${processId}`)) removeNamespace(name);
  }
}

/** The cable goes with it. */
function removeNamespace(name: string): void {
  rmSync(join(etc, name), { recursive: true, force: true });
  if (existsSync(`/run/netns/${name}`)) ip("netns", "delete", name);
}

class IpError extends Error {
  override readonly name = "IpError";
  readonly code = "Ip";
}

function ip(...args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (error !== undefined)
    throw new IpError(`cannot run ip because ${error.message} (Debian: apt-get install iproute2)`);
  if (status !== 0) throw new IpError(`cannot do "ip ${args.join(" ")}" because ${stderr.trim()}`);
  return stdout;
}
