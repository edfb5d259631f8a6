// What it takes to speak to an OPC UA server with encryption: an authority that the partition trusts, and certificates of servers.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { certificate, privateKeyPem, revocationList, type CertificateWishes } from "../plant/certificates.ts";
import type { CertificateFiles } from "../plant/opcua-server.ts";

const authority = { name: "plant authority" };
export const policy = "Basic256Sha256";

export class Certificates {
  /** The partition's certificates folder. */
  readonly folder: string;
  readonly #parent: string;
  #made = 0;

  static async of(t: TestContext): Promise<Certificates> {
    const certificates = new Certificates();
    t.after(() => rmSync(certificates.#parent, { recursive: true, force: true }));
    certificates.#put("trusted/certs/authority.der", (await certificate({ ...authority, authority: true })).der);
    certificates.#put("trusted/crl/authority.crl", await revocationList({ issuer: authority }));
    return certificates;
  }

  private constructor() {
    this.#parent = mkdtempSync(join(tmpdir(), `cpc-trusted-${process.pid}-`));
    this.folder = join(this.#parent, "partition");
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
    const files = {
      certificateFile: join(this.#parent, `server${number}.der`),
      privateKeyFile: join(this.#parent, `server${number}.pem`),
    };
    writeFileSync(files.certificateFile, der);
    writeFileSync(files.privateKeyFile, await privateKeyPem(keys), { mode: 0o600 });
    return files;
  }

  #put(name: string, content: Uint8Array): void {
    const file = join(this.folder, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content, { mode: 0o600 });
  }
}
