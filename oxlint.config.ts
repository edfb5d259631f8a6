// The linter, and the borders of the house: which folder may import which, and where a foreign library may be imported at all.

import { defineConfig, type OxlintConfig } from "oxlint";

/** Folder of src/ -> the folders of ours that it may import. What is not named here (commands, main, library) may import all. */
const borders: Readonly<Record<string, readonly string[]>> = {
  point: [],
  posix: [],
  logging: ["posix"],
  certificates: [],
  config: ["point", "certificates"],
  "process-image": ["point", "posix"],
  "shared-memory": ["point", "posix", "process-image"],
  polling: ["point", "logging", "process-image", "shared-memory"],
  "modbus-tcp-client": ["point", "logging", "config", "polling", "certificates"],
  "opcua-client": ["point", "logging", "config", "polling", "certificates"],
  simulator: ["point", "config", "certificates"],
  service: [
    "point",
    "logging",
    "config",
    "posix",
    "process-image",
    "shared-memory",
    "polling",
    "modbus-tcp-client",
    "opcua-client",
  ],
};

/** Foreign library -> the only places that import it. */
const doors: Readonly<Record<string, readonly string[]>> = {
  koffi: ["src/posix/libc.ts"],
  "libxml2-wasm": ["src/config/parse-xml.ts"],
  "node-opcua-*": ["src/opcua-client/session/**", "src/simulator/opcua-plant/**"],
  pino: ["src/logging/pino-log.ts"],
  "pino-pretty": ["src/logging/pino-log.ts"],
  commander: ["src/commands/program.ts", "src/commands/cert-program.ts", "src/commands/main.ts"],
  "@peculiar/x509": ["src/certificates/application-certificate.ts", "src/certificates/parsed-certificate.ts"],
};

const folders = [...Object.keys(borders), "commands"];

function forbiddenFolders(folder: string) {
  const allowed = borders[folder];
  if (allowed === undefined) return [];
  const group = folders
    .filter((other) => other !== folder && !allowed.includes(other))
    .map((other) => `**/${other}/**`);
  const message = `src/${folder} may import only: ${allowed.join(", ") || "nothing of ours"} (ARCHITECTURE.md, "Borders")`;
  return [{ group, message }];
}

/** The rule for files of one folder that are also a door to the given libraries. */
function restrictedImports(folder: string, open: readonly string[]): NonNullable<OxlintConfig["rules"]> {
  const closed = Object.entries(doors).filter(([library]) => !open.includes(library));
  const libraries = closed.map(([library, places]) => ({
    group: [library, `${library}/**`],
    message: `only ${places.join(" and ")} may import ${library}`,
  }));
  return { "no-restricted-imports": ["error", { patterns: [...forbiddenFolders(folder), ...libraries] }] };
}

const doorPlaces = [...new Set(Object.values(doors).flat())];

export default defineConfig({
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  plugins: ["typescript", "import", "node", "promise", "unicorn", "oxc"],
  ignorePatterns: ["dist", ".peers"],
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
    { files: ["src/*.ts", "src/commands/**", "readers/**"], rules: restrictedImports("commands", []) },
    ...Object.keys(borders).map((folder) => ({ files: [`src/${folder}/**`], rules: restrictedImports(folder, []) })),
    ...doorPlaces.map((place) => {
      const open = Object.keys(doors).filter((library) => doors[library]?.includes(place));
      return { files: [place], rules: restrictedImports(place.split("/")[1] ?? "", open) };
    }),
  ],
});
