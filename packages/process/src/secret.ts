// Secrets of a configuration: better kept elsewhere than in it. A setting may hold `${env:NAME}` or `${file:PATH}` instead of the
// secret itself; the reference is followed when the configuration is read.
//
// Promises: no message holds a secret, not even a part of it; a reference that leads nowhere is an error, never an empty password.
// Does not: look into the file's permissions (container runtimes mount secrets readable), or follow a reference inside other text.

import { resolve } from "node:path";
import { readBoundedFile } from "./bounded-file.ts";
import { readingTrouble } from "./file-trouble.ts";
import { quote, quotePath } from "./quote.ts";

export interface SecretPlaces {
  /** Where relative file names start. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly files: SecretFiles;
}

const largestSecretBytes = 64 * 1024;
/** For the programs that fill all the pipes of a configuration. */
const defaultPipesMs = 10_000;

type Found = { readonly value: string } | { readonly trouble: string };

/**
 * The files with secrets of one configuration, each read once while it is read: tools that keep secrets often give a pipe, which gives what
 * it holds once. All pipes together may take ten seconds: a program that does not write must not hold up the start for ever.
 */
export class SecretFiles {
  readonly #found = new Map<string, Found>();
  readonly #pipesMs: number;
  #pipeUntilMs: number | undefined;

  /** `pipesMs` 0: pipes are refused, for who reads the secrets again and again. */
  constructor(pipesMs = defaultPipesMs) {
    this.#pipesMs = pipesMs;
  }

  read(path: string): Found {
    const known = this.#found.get(path);
    if (known !== undefined) return known;
    if (this.#pipesMs > 0) this.#pipeUntilMs ??= performance.now() + this.#pipesMs;
    const found = readText(path, this.#pipeUntilMs);
    this.#found.set(path, found);
    return found;
  }
}

function readText(path: string, pipeUntilMs: number | undefined): Found {
  try {
    const pipes = pipeUntilMs === undefined ? {} : { pipeUntilMs };
    // Editors and `echo` end a file with a line break that is not meant.
    const value = readBoundedFile(path, { largestBytes: largestSecretBytes, ...pipes })
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

/** One that can be followed: of a known kind, to somewhere. */
export function isReference(text: string): boolean {
  const [, kind = "", target = ""] = reference.exec(text) ?? [];
  return ["env", "file"].includes(kind) && target !== "";
}

/** The secret itself, or why its reference leads nowhere; `trouble` continues the name of the setting. */
export function resolveSecret(text: string, places: SecretPlaces): Secret | { readonly trouble: string } {
  const [, kind, target = ""] = reference.exec(text) ?? [];
  if (kind === undefined) return { value: text, isLiteral: true };
  const found = follow(kind, target, places);
  return "value" in found ? { ...found, isLiteral: false } : found;
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
