// Who we are, in the shape in which node-opcua takes it, and whom it may believe by itself: nobody.

import { OPCUAClient, StatusCodes, crypto_utils } from "node-opcua-client";

/** Our application instance certificate (DER, leaf first) and its key. */
export interface ApplicationIdentity {
  /** Absolute: it is named to whoever has to give it to a server. */
  readonly certificateFile: string;
  readonly certificateChain: readonly Buffer[];
  readonly privateKeyPem: string;
}

type KeyPairProvider = NonNullable<Parameters<typeof OPCUAClient.create>[0]["certificateKeyPairProvider"]>;

export function keyPairProvider({ certificateChain, privateKeyPem }: ApplicationIdentity): KeyPairProvider {
  const [leaf] = certificateChain;
  if (leaf === undefined) throw new TypeError("an application identity has a certificate");
  const privateKey = crypto_utils.makePrivateKeyFromPem(privateKeyPem);
  return {
    getCertificate: () => leaf,
    getCertificateChain: () => [...certificateChain],
    getPrivateKey: () => privateKey,
  };
}

/** Without security: the library takes the application URI from its options then, and not from a certificate. */
export const noKeyPair: KeyPairProvider = {
  getCertificate: () => undefined as unknown as Buffer,
  getCertificateChain: () => [],
  getPrivateKey: () => {
    throw new TypeError("there is no key without security");
  },
};

/** What the library would do with certificate and key, also where it shows and signs nothing. */
export const withoutKeyPair = {
  initializeCM: async () => undefined,
  computeClientSignature: async () => undefined,
};

/**
 * The certificate manager that node-opcua asks, should it ever come to choose a certificate by itself: it believes none.
 * What is trusted is decided before, from the trust list, and passed in as the only certificate that a channel may use.
 */
export function refuseEveryCertificate(): NonNullable<
  Parameters<typeof OPCUAClient.create>[0]["clientCertificateManager"]
> {
  return {
    referenceCounter: 0,
    initialize: async () => undefined,
    dispose: async () => undefined,
    checkCertificate: async () => StatusCodes.BadCertificateUntrusted,
    verifyCertificate: async () => "BadCertificateUntrusted",
    getTrustStatus: async () => StatusCodes.BadCertificateUntrusted,
    trustCertificate: async () => undefined,
    rejectCertificate: async () => undefined,
    addIssuer: async () => undefined,
    addRevocationList: async () => undefined,
  };
}
