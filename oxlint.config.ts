// The linter, and the borders of the house: which folder may import which, and where a foreign library may be imported at all.

import { defineConfig, type OxlintConfig } from "oxlint";

/**
 * Folder -> the folders of the same package that it may import. Which packages a package may import is in its package.json. What is not
 * named here (the files at the top of a package, and partition/src/commands) may import every folder of its package.
 */
const borders: Readonly<Record<string, readonly string[]>> = {
  "image/src/posix": [],
  "image/src/values": [],
  "partition/src/certificates": [],
  "partition/src/configuration": ["certificates"],
  "partition/src/import": ["configuration", "protocols/*/configuration"],
  "partition/src/sources": [],
  "partition/src/protocols/modbus": ["configuration", "sources", "certificates"],
  "partition/src/protocols/opcua": ["configuration", "sources", "certificates"],
  "partition/src/main-thread": ["configuration", "sources", "protocols"],
  "partition/src/worker-thread": ["configuration", "sources", "protocols"],
  "monitor/src/access": [],
  "monitor/src/metrics": ["observation"],
  "monitor/src/observation": [],
  "monitor/src/http": ["access", "metrics", "observation"],
  "bridge/src/configuration": [],
  "bridge/src/observation": [],
  "bridge/src/queue": [],
  "bridge/src/delivery": ["configuration", "observation", "queue", "outputs"],
  "bridge/src/outputs": ["configuration", "observation"],
  "simulator/src/opcua-plant": [],
};

/** Foreign library -> the only places that import it. */
const doors: Readonly<Record<string, readonly string[]>> = {
  koffi: ["image/src/posix/libc.ts"],
  "libxml2-wasm": ["partition/src/configuration/parse-xml.ts"],
  "node-opcua-*": ["partition/src/protocols/opcua/**", "simulator/src/opcua-plant/**"],
  "hyparquet-writer": ["partition/src/commands/parquet-rows.ts"],
  "csv-parse": ["partition/src/import/csv-table.ts"],
  "smol-toml": ["partition/src/import/telegraf.ts"],
  fastify: ["monitor/src/http/server.ts"],
  "@fastify/*": ["monitor/src/http/server.ts"],
  "@opentelemetry/*": ["monitor/src/metrics/open-telemetry.ts"],
  mqtt: ["bridge/src/outputs/mqtt-connection.ts"],
  "@nats-io/*": ["nats-connection.ts", "nats-trouble.ts", "stream.ts"].map(
    (file) => `bridge/src/outputs/jetstream/${file}`,
  ),
  yaml: ["bridge/src/configuration/parse-yaml.ts"],
  pino: ["process/src/pino-log.ts"],
  "pino-pretty": ["process/src/pino-log.ts"],
  commander: [
    "process/src/command-line.ts",
    "process/src/command-options.ts",
    "process/src/companion-program.ts",
    "process/src/option-variables.ts",
    "partition/src/commands/program.ts",
    "partition/src/commands/browse-program.ts",
    "partition/src/commands/cert-program.ts",
    "partition/src/commands/command-tree.ts",
    "partition/src/commands/companions.ts",
    "partition/src/commands/description-program.ts",
    "partition/src/commands/host-argument.ts",
    "partition/src/commands/export-program.ts",
    "partition/src/commands/import-program.ts",
    "partition/src/commands/probe-program.ts",
    "documents/src/commands.ts",
    "monitor/src/commands.ts",
    "bridge/src/commands.ts",
    "simulator/src/commands.ts",
  ],
  "@peculiar/x509": [
    "partition/src/certificates/application-certificate.ts",
    "partition/src/certificates/parsed-certificate.ts",
  ],
};

const folders = [
  "posix",
  "values",
  "certificates",
  "configuration",
  "import",
  "sources",
  "protocols",
  "modbus",
  "opcua",
  "main-thread",
  "worker-thread",
  "commands",
  "access",
  "metrics",
  "observation",
  "http",
  "queue",
  "delivery",
  "outputs",
];

function forbiddenFolders(place: string) {
  const allowed = borders[place];
  if (allowed === undefined) return [];
  const own = new Set(place.split("/").slice(2));
  const closed = folders.filter((folder) => !own.has(folder) && !allowed.includes(folder));
  const open = allowed.filter((folder) => folder.includes("/"));
  const group = [
    ...closed.map((folder) => `{.,..}/**/${folder}/**`),
    ...open.map((folder) => `!{.,..}/**/${folder}/**`),
  ];
  const message = `packages/${place} may import only: ${allowed.join(", ") || "nothing else of its package"} (ARCHITECTURE.md, "Borders")`;
  return [{ group, message }];
}

/** The rule for files of one place that are also a door to the given libraries. */
function restrictedImports(place: string, open: readonly string[]): NonNullable<OxlintConfig["rules"]> {
  const closed = Object.entries(doors).filter(([library]) => !open.includes(library));
  const libraries = closed.map(([library, places]) => ({
    group: [library, `${library}/**`],
    message: `only ${places.join(" and ")} may import ${library}`,
  }));
  return { "no-restricted-imports": ["error", { patterns: [...forbiddenFolders(place), ...libraries] }] };
}

/** The folder with a border that a file, or all files of a folder, lie in. */
function borderOf(place: string): string {
  return Object.keys(borders).find((folder) => place.startsWith(`${folder}/`)) ?? "";
}

const doorPlaces = [...new Set(Object.values(doors).flat())];

export default defineConfig({
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  plugins: ["typescript", "import", "node", "promise", "unicorn", "oxc"],
  ignorePatterns: ["**/dist", ".peers"],
  rules: {
    "no-await-in-loop": "off",
    "import/no-unassigned-import": "off",
    "unicorn/no-array-sort": "off",
    // Made for windows of a browser; our messages go to worker threads.
    "unicorn/require-post-message-target-origin": "off",
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/no-unnecessary-type-parameters": "off",
    "typescript/no-floating-promises": [
      "error",
      {
        allowForKnownSafeCalls: [
          { from: "package", package: "node:test", name: ["test", "suite", "describe", "it", "before", "after"] },
        ],
      },
    ],
    "typescript/no-misused-promises": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "typescript/no-explicit-any": "error",
  },
  overrides: [
    { files: ["packages/*/src/**", "readers/**"], rules: restrictedImports("", []) },
    ...Object.keys(borders).map((place) => ({
      files: [`packages/${place}/**`],
      rules: restrictedImports(place, []),
    })),
    ...doorPlaces.map((place) => {
      const open = Object.keys(doors).filter((library) => doors[library]?.includes(place));
      return { files: [`packages/${place}`], rules: restrictedImports(borderOf(place), open) };
    }),
  ],
});
