// The configuration files of the benchmarks: one server each, as many points as wanted.

export function modbusConfiguration(port: number, registers: number): string {
  const endpoints = Array.from(
    { length: registers },
    (_, address) =>
      `<endpoint><name>register ${address}</name><function>Read Holding Registers</function><address>${address}</address>` +
      `<quantity>1</quantity><offset>-1</offset><type>register</type><description>holding register ${address}</description></endpoint>`,
  );
  return (
    `<modbus-servers><server><ipaddr>127.0.0.1</ipaddr><port>${port}</port><serveralias>plant</serveralias>` +
    `<endpoints>${endpoints.join("\n")}</endpoints></server></modbus-servers>`
  );
}

/** For benchmarks/peers/opcua-server.ts. */
export function opcUaConfiguration(port: number, nodes: number): string {
  const elements = Array.from(
    { length: nodes },
    (_, index) =>
      `<node><DisplayName>node ${index}</DisplayName><NamespaceIndex>1</NamespaceIndex><IdentifierType>String</IdentifierType>` +
      `<Identifier>node ${index}</Identifier><datatype>Double</datatype><description>node ${index}</description></node>`,
  );
  return (
    `<opcua-servers><server><server_app_uri>opc.tcp://127.0.0.1:${port}/benchmark</server_app_uri>` +
    "<client_app_uri>urn:cpc-partition:benchmark</client_app_uri><alias>plant</alias>" +
    "<security><policy>SecurityPolicyNone</policy><mode>None</mode></security>" +
    `<nodes>${elements.join("\n")}</nodes></server></opcua-servers>`
  );
}
