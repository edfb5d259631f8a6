// The sources of a configuration. When that changes, servers whose own configuration stays the same keep their source, wherever they
// stand in the file.

export class SourceList<Server extends object, Made> {
  readonly #make: (server: Server) => Made;
  #made: ReadonlyMap<string, Made> = new Map();

  constructor(make: (server: Server) => Made) {
    this.#make = make;
  }

  /** In the order of the configuration. */
  get sources(): readonly Made[] {
    return [...this.#made.values()];
  }

  update(servers: readonly Server[]): readonly Made[] {
    const before = this.#made;
    this.#made = new Map(
      servers.map((server) => {
        const identity = identityOf(server);
        return [identity, before.get(identity) ?? this.#make(server)];
      }),
    );
    return this.sources;
  }
}

/** Everything that is configured about a server; where it stands in its file is not part of it. */
function identityOf(server: object): string {
  return JSON.stringify(server, (key, value: unknown) => (key === "location" ? undefined : value));
}
