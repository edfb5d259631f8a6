// The sources of a configuration. When that changes, servers whose own configuration stays the same keep their source, wherever they
// stand in the file.

export class SourceList<Server extends object, Made> {
  readonly #make: (server: Server) => Made;
  readonly #identityOf: (server: Server) => string;
  #made: ReadonlyMap<string, Made> = new Map();

  /** `identityOf` is the same for servers that are configured alike. */
  constructor(make: (server: Server) => Made, identityOf: (server: Server) => string = textOf) {
    this.#make = make;
    this.#identityOf = identityOf;
  }

  /** In the order of the configuration. */
  get sources(): readonly Made[] {
    return [...this.#made.values()];
  }

  update(servers: readonly Server[]): readonly Made[] {
    const before = this.#made;
    this.#made = new Map(
      servers.map((server) => {
        const identity = this.#identityOf(server);
        return [identity, before.get(identity) ?? this.#make(server)];
      }),
    );
    return this.sources;
  }
}

/** Everything that is configured about a server; where it stands in its file is not part of it. */
function textOf(server: object): string {
  return JSON.stringify(server, (key, value: unknown) => (key === "location" ? undefined : value));
}
