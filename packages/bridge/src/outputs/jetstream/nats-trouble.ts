// What the libraries and the server say, as an error of the output: what failed, why, and what to do.

import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { OutputError } from "../output.ts";

const certificateCodes = /^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_|ERR_OSSL_|EPROTO)/;

/** JSStorageResourcesExceededErr. */
const insufficientStorage = 10047;
/** JSStreamStoreFailedF: it is full and drops nothing, or its disk fails. */
const storeFailed = 10077;
/** A cluster is still storing the message that this one repeats. */
const conflict = 409;

/** Of an attempt to connect. */
export function connectTrouble(error: unknown, address: string): OutputError {
  const cause = { cause: error };
  const chain = causes(error);
  const code = chain.map((one) => (one as NodeJS.ErrnoException).code).find((one) => typeof one === "string");
  const cannot = `cannot connect to ${address} because`;
  if (isOfAuthorization(chain))
    return new OutputError(
      "Refused",
      `${cannot} it refuses the login (${reasonOf(error)}); look at the server's log and at the settings user, password, credentials and tls`,
      cause,
    );
  if (code !== undefined && certificateCodes.test(code))
    return new OutputError(
      "Certificate",
      `${cannot} TLS failed: ${reasonOf(error)} (${code}); look at tls.ca, tls.certificate and the name in the server's certificate`,
      cause,
    );
  if (chain.some(({ message }) => /does not support 'tls'|not available on this server/.test(message)))
    return new OutputError("Certificate", `${cannot} it does not offer TLS; set it up there, or use nats://`, cause);
  if (code === "ECONNREFUSED" || chain.some(({ message }) => message === "connection refused"))
    return new OutputError(
      "Unreachable",
      `${cannot} nothing listens there (ECONNREFUSED); is the server running?`,
      cause,
    );
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return new OutputError(
      "Unreachable",
      `${cannot} the name cannot be resolved (${code}); look at DNS and at the address`,
      cause,
    );
  if (chain.some((one) => one instanceof errors.TimeoutError))
    return new OutputError("Unreachable", `${cannot} it did not answer in time; is it a NATS server?`, cause);
  return new OutputError("Unreachable", `${cannot} ${reasonOf(error)}`, cause);
}

/** Of a connection that was open. */
export function lossTrouble(error: unknown, address: string): OutputError {
  const chain = causes(error);
  if (isOfAuthorization(chain))
    return new OutputError(
      "Refused",
      `the server ${address} ended the connection because the login is no longer valid (${reasonOf(error)}); give the bridge new credentials`,
      { cause: error },
    );
  const why = error === undefined ? "" : ` (${reasonOf(error)})`;
  return new OutputError("Lost", `the server ${address} closed the connection${why}`, { cause: error });
}

/** Of a stream that cannot be looked at or made. */
export function streamTrouble(error: unknown, address: string, stream: string): OutputError {
  const cannot = `cannot use the stream ${stream} of ${address} because`;
  const api = causes(error).find((one) => one instanceof JetStreamApiError);
  if (api?.code === insufficientStorage)
    return new OutputError(
      "Refused",
      `${cannot} the server has not enough room to reserve for it; set a smaller maxSize, or give JetStream there more (max_file_store)`,
      { cause: error },
    );
  // What the server itself cannot do for now (no leader yet) has the codes of HTTP from 500 on.
  if (api !== undefined && api.status < 500)
    return new OutputError("Refused", `${cannot} the server says: ${api.message}; look at the settings of the stream`, {
      cause: error,
    });
  if (causes(error).some((one) => one instanceof errors.NoRespondersError))
    return new OutputError(
      "Unreachable",
      `${cannot} no JetStream answers there; enable it in the server's configuration (jetstream {}), or set domain to the one that has it`,
      { cause: error },
    );
  return new OutputError("Unreachable", `${cannot} ${reasonOf(error)}`, { cause: error });
}

/** An acknowledgement that says no. */
export function refusedMessage(answer: string, address: string): OutputError {
  const { code, errCode, description } = errorOfAnswer(answer);
  const what = `the stream on ${address} stored nothing because: ${description}`;
  if (errCode !== storeFailed && (code >= 500 || code === conflict || code === 429))
    return new OutputError("Lost", what);
  return new OutputError("Refused", `${what}; look at the limits of the stream`);
}

export function isOfPermission(error: unknown): boolean {
  return causes(error).some((one) => one instanceof errors.PermissionViolationError);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isOfAuthorization(chain: readonly Error[]): boolean {
  return chain.some(
    (one) => one instanceof errors.AuthorizationError || one instanceof errors.UserAuthenticationExpiredError,
  );
}

function causes(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let one = error; one instanceof Error && chain.length < 10; one = one.cause) chain.push(one);
  return chain;
}

function errorOfAnswer(answer: string) {
  try {
    const { error } = JSON.parse(answer) as { error?: { code?: unknown; err_code?: unknown; description?: unknown } };
    return { code: Number(error?.code), errCode: Number(error?.err_code), description: String(error?.description) };
  } catch {
    return { code: Number.NaN, errCode: Number.NaN, description: answer };
  }
}
