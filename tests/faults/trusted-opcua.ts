// What it takes to speak to an OPC UA server with encryption: an authority that the partition trusts, and certificates of servers.

import { join } from "node:path";
import type { TestContext } from "node:test";
import { CertificateFolder } from "../plant/certificate-folder.ts";
import { certificate, privateKeyPem, revocationList, type CertificateWishes } from "../plant/certificates.ts";
import type { CertificateFiles } from "../plant/opcua-server.ts";

const authority = { name: "plant authority" };
export const policy = "Basic256Sha256";

export class Certificates {
  readonly #files = new CertificateFolder();
  /** The partition's certificates folder. */
  readonly folder = join(this.#files.path, "partition");
  #made = 0;

  static async of(t: TestContext): Promise<Certificates> {
    const certificates = new Certificates();
    const files = certificates.#files;
    t.after(() => files.remove());
    const { der } = await certificate({ ...authority, authority: true });
    files.write("partition/trusted/certs/authority.der", der);
    files.write("partition/trusted/crl/authority.crl", await revocationList({ issuer: authority }));
    return certificates;
  }

  /** Arguments of `cpc run`. */
  get args(): readonly string[] {
    return ["--certificates", this.folder];
  }

  /** Right for a test server at 127.0.0.1, and of the authority that is trusted, or of nobody; but for the wishes. */
  async ofServer(
    wishes: Partial<CertificateWishes> & { readonly isStranger?: boolean } = {},
  ): Promise<CertificateFiles> {
    const number = ++this.#made;
    const { isStranger = false, ...others } = wishes;
    const { der, keys } = await certificate({
      name: "server",
      keyName: `server${number}`,
      ...(isStranger ? {} : { issuer: authority }),
      serialNumber: (16 + number).toString(16),
      uri: "urn:cpc-partition:test:server",
      hosts: ["127.0.0.1"],
      ...others,
    });
    return {
      certificateFile: this.#files.write(`server${number}.der`, der),
      privateKeyFile: this.#files.write(`server${number}.pem`, await privateKeyPem(keys)),
    };
  }
}
