// A plant with Modbus/TCP Security: an authority, the partition's certificate, and secure devices, good ones and others.

import type { TestContext } from "node:test";
import { TcpProxy } from "../plant/tcp-proxy.ts";
import { CertificateFolder, clientUse, serverUse, type Holder, type Wishes } from "../plant/certificate-folder.ts";
import { startBornDevice } from "./born-modbus.ts";
import { retryMs, startModbusScene, type ModbusScene } from "./modbus-scene.ts";

/** A handshake takes longer than 500 ms where the machine has much else to do, and a victim that is refused for it is not asked again for a minute. */
export const secureTimeoutMs = 3000;

export class SecurePlant {
  readonly folder: CertificateFolder;
  readonly authority: Holder;
  readonly #client: Holder;
  readonly #t: TestContext;
  readonly #devicePort: number;

  private constructor(
    t: TestContext,
    folder: CertificateFolder,
    authority: Holder,
    client: Holder,
    devicePort: number,
  ) {
    this.#t = t;
    this.folder = folder;
    this.authority = authority;
    this.#client = client;
    this.#devicePort = devicePort;
  }

  static async start(t: TestContext): Promise<SecurePlant> {
    const folder = new CertificateFolder();
    t.after(() => folder.remove());
    const authority = await folder.make("Plant CA", { isAuthority: true });
    const client = await folder.make("partition", { issuer: authority, usage: clientUse });
    const device = await startBornDevice(t, 0);
    return new SecurePlant(t, folder, authority, client, device.port);
  }

  /** A device's, and good unless the wishes say otherwise. */
  certificate(name: string, wishes: Wishes = {}): Promise<Holder> {
    return this.folder.make(name, { issuer: this.authority, names: ["127.0.0.1"], usage: serverUse, ...wishes });
  }

  /** A secure device, with a good certificate unless the wishes say otherwise. */
  async front(name: string, wishes: Wishes = {}): Promise<TcpProxy> {
    const { certificatePem: cert, keyPem: key } = await this.certificate(name, wishes);
    const front = await TcpProxy.start(this.#devicePort, { tls: { cert, key, ca: this.authority.certificatePem } });
    this.#t.after(() => front.close());
    return front;
  }

  /** What the victim needs to read a secure device. */
  get settings(): string {
    const { authority } = this;
    return `<tls><ca>${authority.certificateFile}</ca>
      <client_certificate>${this.#client.certificateFile}</client_certificate>
      <client_private_key>${this.#client.keyFile}</client_private_key></tls>`;
  }

  async scene(port: number, victimRetryMs = retryMs): Promise<ModbusScene> {
    return await startModbusScene(this.#t, {
      port,
      settings: this.settings,
      victimTimeoutMs: secureTimeoutMs,
      victimRetryMs,
    });
  }

  /** A good device at the end of a line that can be bad. */
  async sceneBehindProxy(victimRetryMs?: number): Promise<{ readonly proxy: TcpProxy; readonly scene: ModbusScene }> {
    const { port } = await this.front("device");
    const proxy = await TcpProxy.start(port);
    this.#t.after(() => proxy.close());
    return { proxy, scene: await this.scene(proxy.port, victimRetryMs) };
  }
}
