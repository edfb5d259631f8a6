// Where a test stands: in the folder that mirrors the one of the code it tries, so that neither is looked for.

import assert from "node:assert/strict";
import { existsSync, globSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const packages = globSync("packages/*", { cwd: root }).map((folder) => basename(folder));

for (const name of packages) {
  const sources = globSync("**/*.ts", { cwd: join(root, "packages", name, "src") });
  const tests = globSync("**/*.test.ts", { cwd: join(root, "tests", name) });

  test(`tests/${name} has the folders of packages/${name}/src, or of the package`, () => {
    const places = ["src", "."].map((place) => join(root, "packages", name, place));
    const strangers = tests.filter((file) => !places.some((place) => existsSync(join(place, dirname(file)))));
    assert.deepEqual(strangers, []);
  });

  test(`a test of tests/${name} that has the name of a source file stands where that file stands`, () => {
    const misplaced = tests.filter((file) => {
      const source = file.replace(/\.test\.ts$/, ".ts");
      const namesakes = sources.filter((candidate) => basename(candidate) === basename(source));
      return namesakes.length > 0 && !namesakes.includes(source);
    });
    assert.deepEqual(misplaced, []);
  });
}
