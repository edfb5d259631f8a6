// The OPC UA configuration of one server with one node, as XML.

export interface OpcUaXmlOptions {
  readonly alias: string;
  readonly url: string;
  /** Without the "SecurityPolicy" in front. */
  readonly policy?: string;
  readonly user?: { readonly name: string; readonly password: string };
  /** Further elements of `<security>`. */
  readonly security?: string;
}

export function opcUaXml({ alias, url, policy = "Basic256Sha256", user, security = "" }: OpcUaXmlOptions): string {
  const login = user === undefined ? "" : `<username>${user.name}</username><password>${user.password}</password>`;
  return `<opcua-servers>
  <server>
    <server_app_uri>${url}</server_app_uri>
    <client_app_uri>urn:cpc-partition:test:client</client_app_uri>
    <alias>${alias}</alias>
    <security>
      <policy>SecurityPolicy${policy}</policy>
      <mode>${policy === "None" ? "None" : "SignAndEncrypt"}</mode>
      ${login}
      ${security}
    </security>
    <nodes>
      <node>
        <DisplayName>a</DisplayName>
        <NamespaceIndex>1</NamespaceIndex>
        <IdentifierType>String</IdentifierType>
        <Identifier>a</Identifier>
        <datatype>Double</datatype>
        <description></description>
      </node>
    </nodes>
  </server>
</opcua-servers>
`;
}
