// Secrets of a configuration: better kept elsewhere than in it. An element may hold `${env:NAME}` or `${file:PATH}` instead of the
// secret itself; the reference is followed when the configuration is read.
//
// Promises: no message holds a secret, not even a part of it; a reference that leads nowhere is an error, never an empty password.
// Does not: look into the file's permissions (container runtimes mount secrets readable), or follow a reference inside other text.

import { resolve } from "node:path";
import { readBoundedFile, readingTrouble } from "@cpc-partition/process/bounded-file";

import type { Fields } from "./fields.ts";
import { quote, quotePath } from "./problem.ts";

export interface SecretPlaces {
  /** Where relative file names start. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly files: SecretFiles;
}

const largestSecretBytes = 64 * 1024;
/** For the programs that fill all the pipes of a configuration. */
const pipesMs = 10_000;

type Found = { readonly value: string } | { readonly trouble: string };

/**
 * The files with secrets of one configuration, each read once while it is read: tools that keep secrets often give a pipe, which gives what
 * it holds once. All pipes together may take ten seconds: a program that does not write must not hold up the start for ever.
 */
export class SecretFiles {
  readonly #found = new Map<string, Found>();
  #pipeUntilMs: number | undefined;

  read(path: string): Found {
    const known = this.#found.get(path);
    if (known !== undefined) return known;
    this.#pipeUntilMs ??= performance.now() + pipesMs;
    const found = readText(path, this.#pipeUntilMs);
    this.#found.set(path, found);
    return found;
  }
}

function readText(path: string, pipeUntilMs: number): Found {
  try {
    // Editors and `echo` end a file with a line break that is not meant.
    const value = readBoundedFile(path, { largestBytes: largestSecretBytes, pipeUntilMs })
      .toString()
      .replace(/\r?\n$/, "");
    return value === "" ? { trouble: "it is empty" } : { value };
  } catch (error) {
    return { trouble: readingTrouble(error) };
  }
}

export interface Secret {
  readonly value: string;
  /** It stands in the configuration file itself. */
  readonly isLiteral: boolean;
}

const reference = /^\s*\$\{([^:}]*):?([^}]*)\}\s*$/;

/** Undefined when the element is absent or, with an error, when its reference leads nowhere. */
export function readSecret(fields: Fields, name: string, places: SecretPlaces): Secret | undefined {
  const text = fields.text(name);
  if (text === undefined) return undefined;
  const [, kind, target = ""] = reference.exec(text) ?? [];
  if (kind === undefined) return { value: text, isLiteral: true };
  const found = follow(kind, target, places);
  if ("value" in found) return { ...found, isLiteral: false };
  fields.findings.error(fields.lineOf(name), `<${name}> ${found.trouble}`);
  return undefined;
}

function follow(kind: string, target: string, { directory, environment, files }: SecretPlaces): Found {
  if (kind === "env" && target !== "") {
    const value = environment[target];
    if (value !== undefined && value !== "") return { value };
    const state = value === undefined ? "is not set" : "is empty";
    return {
      trouble: `refers to the environment variable ${quote(target)}, which ${state}; set this variable`,
    };
  }
  if (kind === "file" && target !== "") {
    const path = resolve(directory, target);
    const found = files.read(path);
    if ("value" in found) return found;
    return {
      trouble: `refers to the file ${quotePath(path)}, which cannot be used because ${found.trouble}; write the value, and nothing else, into this file`,
    };
  }
  // What was written may be a secret after all: it is not shown.
  return { trouble: "is not a known reference; use ${env:NAME} or ${file:PATH}" };
}

/** As `readSecret`, with a warning when the secret stands in the file itself. Empty counts as given. */
export function readHiddenSecret(fields: Fields, name: string, places: SecretPlaces): string | undefined {
  const secret = readSecret(fields, name, places);
  if (secret?.isLiteral === true && secret.value !== "") {
    fields.findings.warn(
      fields.lineOf(name),
      `<${name}> is in plain text, so everyone who can read this file can read it; use \${env:NAME} or \${file:PATH}`,
    );
  }
  return secret?.value;
}
