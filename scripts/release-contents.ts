// What a tarball of a release brings along when it is installed: two SBOMs and the licence texts, from a real installation in an empty folder.
//
//   node release-contents.ts FOLDER TARBALL TIME
//
// Beside TARBALL in FOLDER it writes NAME.cdx.json, NAME.spdx.json and NAME.licences.txt. TIME stands for the moment in them, so that the
// same commit gives the same bytes. Fails when a package states no licence that can be found.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly licenses?: readonly { readonly type: string }[];
}

const [folder = "", tarball = "", time = ""] = process.argv.slice(2);
const inTarball = execFileSync("tar", [
  "--extract",
  "--to-stdout",
  "--file",
  join(folder, tarball),
  "package/package.json",
]);
const {
  name,
  version,
  dependencies = {},
} = JSON.parse(inTarball.toString()) as Manifest & {
  readonly dependencies?: Readonly<Record<string, string>>;
};
const base = tarball.replace(/\.tgz$/, "");
const temporary = mkdtempSync(join(tmpdir(), "cpc-release-"));
// npm writes the name of the folder into its lists.
const work = join(temporary, "installation");
try {
  install();
  const licences = installed(join(work, "node_modules")).map((path) => licenceOf(path));
  writeFileSync(join(folder, `${base}.licences.txt`), licences.map(({ text }) => text).join(`\n${"-".repeat(80)}\n\n`));
  writeFileSync(join(folder, `${base}.cdx.json`), steady(sbom("cyclonedx")));
  writeFileSync(join(folder, `${base}.spdx.json`), steady(sbom("spdx")));
} finally {
  rmSync(temporary, { recursive: true });
}

/** Our packages need one another in this version, and no registry has it yet: they come from the tarballs beside this one. */
function install(): void {
  mkdirSync(work);
  const own = ownTarballs(dependencies);
  const root = { name: `${name}-installation`, version, private: true, license: "MIT", dependencies: own };
  writeFileSync(
    join(work, "package.json"),
    JSON.stringify({ ...root, dependencies: { ...own, [name]: `file:${join(folder, tarball)}` } }),
  );
  execFileSync("npm", ["install", "--silent", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: work,
  });
}

function ownTarballs(needed: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {};
  const names = Object.keys(needed).filter((one) => one.startsWith("@cpc-partition/") || one === "cpc-partition");
  for (const one of names) {
    const file = readdirSync(folder).find(
      (entry) => entry === `${one.replace("@", "").replace("/", "-")}-${version}.tgz`,
    );
    if (file === undefined) throw new Error(`there is no tarball of ${one} ${version} in ${folder}`);
    found[one] = `file:${join(folder, file)}`;
    const bytes = execFileSync("tar", [
      "--extract",
      "--to-stdout",
      "--file",
      join(folder, file),
      "package/package.json",
    ]);
    const further = (JSON.parse(bytes.toString()) as { dependencies?: Record<string, string> }).dependencies ?? {};
    Object.assign(found, ownTarballs(further));
  }
  return found;
}

function sbom(format: "cyclonedx" | "spdx"): string {
  return execFileSync("npm", ["sbom", `--sbom-format=${format}`, "--sbom-type=application", "--omit=dev"], {
    cwd: work,
    maxBuffer: 2 ** 28,
  }).toString();
}

/** The moment, and the numbers that are drawn at random, follow from the commit; the folder of this moment is in no file. */
function steady(text: string): string {
  const timeless = text
    .replace(/("timestamp"|"created"): "[^"]*"/, `$1: "${new Date(time).toISOString()}"`)
    .replaceAll(work, ".")
    .replaceAll(`file:${folder}/`, "")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g, "UUID");
  const hash = createHash("sha256").update(timeless).digest("hex");
  const uuid = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ];
  return timeless.replaceAll("UUID", uuid.join("-"));
}

/** Every package below a node_modules folder, in a steady order. */
function installed(modules: string): readonly string[] {
  if (!existsSync(modules)) return [];
  const names = readdirSync(modules)
    .filter((entry) => !entry.startsWith("."))
    .flatMap((entry) =>
      entry.startsWith("@") ? readdirSync(join(modules, entry)).map((one) => `${entry}/${one}`) : [entry],
    );
  return names
    .toSorted()
    .map((entry) => join(modules, entry))
    .flatMap((path) => [path].concat(installed(join(path, "node_modules"))));
}

/** From the field of its package.json; else from its licence file, else from what its README says. */
function licenceOf(path: string): { readonly text: string } {
  const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as Manifest;
  const files = readdirSync(path).filter((entry) => /^(licen[cs]e|copying|notice)/i.test(entry));
  const texts = files.map((file) => readFileSync(join(path, file), "utf8").trim());
  const readme = readdirSync(path).find((entry) => /^readme/i.test(entry));
  const said = readme === undefined ? undefined : licenceInReadme(readFileSync(join(path, readme), "utf8"));
  const stated = manifest.license ?? manifest.licenses?.map(({ type }) => type).join(" or ");
  const known = stated ?? (texts.length > 0 ? "see its licence file" : said);
  if (known === undefined) throw new Error(`${manifest.name} ${manifest.version} states no licence`);
  const body = texts.length > 0 ? texts.join("\n\n") : (said ?? "Its package contains no licence text.");
  return { text: `${manifest.name} ${manifest.version}: ${known}\n\n${body}\n` };
}

/** The section under a heading "License". */
function licenceInReadme(readme: string): string | undefined {
  return /^#+ *licen[cs]e\b[^\n]*\n+([\s\S]*?)(?=\n#|$(?![\s\S]))/im.exec(readme)?.[1]?.trim();
}
