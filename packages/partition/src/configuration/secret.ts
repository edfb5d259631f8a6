// Secrets of the XML files: an element holds the secret or a reference to it (`process/src/secret.ts`).

import { isReference, resolveSecret, type Secret, type SecretPlaces } from "@cpc-partition/process/secret";
import type { Fields } from "./fields.ts";

export interface SecretRules extends SecretPlaces {
  /** References are not followed; they read as `unopenedSecret`. */
  readonly withoutSecrets?: boolean;
}

/** Stands for a secret that nobody looked at. */
export const unopenedSecret = "(a secret that was not opened)";

/** Undefined when the element is absent or, with an error, when its reference leads nowhere. */
export function readSecret(fields: Fields, name: string, places: SecretRules): Secret | undefined {
  const text = fields.text(name);
  if (text === undefined) return undefined;
  if (places.withoutSecrets === true && isReference(text)) return { value: unopenedSecret, isLiteral: false };
  const secret = resolveSecret(text, places);
  if ("value" in secret) return secret;
  fields.findings.error(fields.lineOf(name), `<${name}> ${secret.trouble}`);
  return undefined;
}

/** As `readSecret`, with a warning when the secret stands in the file itself. Empty counts as given. */
export function readHiddenSecret(fields: Fields, name: string, places: SecretRules): string | undefined {
  const secret = readSecret(fields, name, places);
  if (secret?.isLiteral === true && secret.value !== "") {
    fields.findings.warn(
      fields.lineOf(name),
      `<${name}> is in plain text, so everyone who can read this file can read it; use \${env:NAME} or \${file:PATH}`,
    );
  }
  return secret?.value;
}
