"""An OPC UA server made of nothing but asyncua: Aes256Sha256RsaPss with SignAndEncrypt only, and a value for every edge.

    asyncua-server.py --certificate DER --key PEM --uri APPLICATION_URI [--user NAME --password PASSWORD]

The variables have string identifiers equal to their browse names, in the namespace "urn:edge-values" (index 2). Prints
{"port": N, "nodes": [...]} when it listens and ends when its standard input ends. With --user it refuses everybody else, and
anonymous sessions too.
"""

import argparse
import asyncio
import datetime
import json
import logging
import socket
import sys
import uuid

from asyncua import Server, ua
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.crypto.permission_rules import User, UserRole

T = ua.VariantType
GUID = uuid.UUID("72962b91-fa75-4ae6-8d28-b404dc7daf63")
FIRST_TICK = datetime.datetime(1601, 1, 1, 0, 0, 0, 1, tzinfo=datetime.timezone.utc)
MIDSUMMER = datetime.datetime(2024, 6, 21, 20, 50, 7, 123456, tzinfo=datetime.timezone.utc)
CELSIUS = ua.EUInformation(
    "http://www.opcfoundation.org/UA/units/un/cefact", 4408652, ua.LocalizedText("°C"), ua.LocalizedText("Grad Celsius", "de")
)

VALUES = [
    ("Boolean true", True, T.Boolean),
    ("Boolean false", False, T.Boolean),
    ("SByte minimum", -128, T.SByte),
    ("Byte maximum", 255, T.Byte),
    ("Int16 minimum", -32768, T.Int16),
    ("UInt16 maximum", 65535, T.UInt16),
    ("Int32 minimum", -(2**31), T.Int32),
    ("UInt32 maximum", 2**32 - 1, T.UInt32),
    ("Int64 minimum", -(2**63), T.Int64),
    ("Int64 maximum", 2**63 - 1, T.Int64),
    ("Int64 minus one", -1, T.Int64),
    ("Int64 past 2^53", 2**53 + 1, T.Int64),
    ("UInt64 maximum", 2**64 - 1, T.UInt64),
    ("UInt64 zero", 0, T.UInt64),
    ("Float maximum", 3.4028234663852886e38, T.Float),
    ("Float smallest", 1.401298464324817e-45, T.Float),
    ("Float tenth", 0.1, T.Float),
    ("Float NaN", float("nan"), T.Float),
    ("Double maximum", 1.7976931348623157e308, T.Double),
    ("Double smallest", 5e-324, T.Double),
    ("Double tenth", 0.1, T.Double),
    ("Double whole", 25.0, T.Double),
    ("Double minus zero", -0.0, T.Double),
    ("Double NaN", float("nan"), T.Double),
    ("Double Infinity", float("inf"), T.Double),
    ("Double -Infinity", float("-inf"), T.Double),
    ("Füllstand Ölbehälter", "Größe, Maß, Übermaß: äöüÄÖÜß", T.String),
    ("Emoji 🏭", "🏭 running 👩‍🔧 at 25 °C", T.String),
    ("String empty", "", T.String),
    ("String null", None, T.String),
    ("String to escape", '"\\/\b\f\n\r\t\u0001\u2028\u2029', T.String),
    ("String long", "ß" * 2000, T.String),
    ("DateTime minimum", datetime.datetime(1601, 1, 1, tzinfo=datetime.timezone.utc), T.DateTime),
    ("DateTime early", FIRST_TICK, T.DateTime),
    ("DateTime", MIDSUMMER, T.DateTime),
    ("DateTime maximum", datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc), T.DateTime),
    ("Guid", GUID, T.Guid),
    ("ByteString", bytes(range(256)), T.ByteString),
    ("ByteString empty", b"", T.ByteString),
    ("ByteString null", None, T.ByteString),
    ("LocalizedText", ua.LocalizedText("Behälter füllen 🛢", "de-DE"), T.LocalizedText),
    ("QualifiedName", ua.QualifiedName("Zähler", 2), T.QualifiedName),
    ("NodeId", ua.NodeId("Zähler:Ä", 2), T.NodeId),
    ("StatusCode", ua.StatusCode(ua.StatusCodes.BadDeviceFailure), T.StatusCode),
    ("Int64 array", [-(2**63), 0, 2**63 - 1], T.Int64),
    ("UInt64 array", [2**64 - 1, 2**53 + 1], T.UInt64),
    ("Double array", [0.5, float("nan"), float("inf"), float("-inf")], T.Double),
    ("Boolean array", [True, False, True], T.Boolean),
    ("String array", ["ä", "", None, "🏭"], T.String),
    ("ByteString array", [b"\x00\xff", b""], T.ByteString),
    ("DateTime array", [MIDSUMMER], T.DateTime),
    ("Int32 array empty", [], T.Int32),
    ("Structure", CELSIUS, T.ExtensionObject),
    ("Structure Range", ua.Range(-40.0, 120.5), T.ExtensionObject),
]


class OneUser:
    def __init__(self, name, password):
        self.name = name
        self.password = password

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if self.name is not None and (username, password) != (self.name, self.password):
            return None
        return User(role=UserRole.User)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def own_structure(server, namespace):
    """A structure of this server's own, whose type a client can only learn from the server."""
    await new_struct(
        server,
        namespace,
        "Measurement",
        [new_struct_field("Level", T.Double), new_struct_field("Count", T.UInt64), new_struct_field("Name", T.String)],
    )
    await server.load_data_type_definitions()
    return ua.Measurement(Level=12.5, Count=2**64 - 1, Name="Ölstand")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--user")
    parser.add_argument("--password")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)

    server = Server(user_manager=OneUser(arguments.user, arguments.password))
    await server.init()
    port = free_port()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/edge")
    await server.set_application_uri(arguments.uri)
    server.set_security_policy([ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt])
    server.set_identity_tokens([ua.UserNameIdentityToken] if arguments.user else [ua.AnonymousIdentityToken])
    await server.load_certificate(arguments.certificate)
    await server.load_private_key(arguments.key)
    namespace = await server.register_namespace("urn:edge-values")

    folder = await server.nodes.objects.add_object(ua.NodeId("Edge", namespace), ua.QualifiedName("Edge", namespace))
    values = [*VALUES, ("Structure own", await own_structure(server, namespace), T.ExtensionObject)]
    for name, value, variant_type in values:
        variant = ua.Variant(value, variant_type, is_array=isinstance(value, list))
        await folder.add_variable(ua.NodeId(name, namespace), ua.QualifiedName(name, namespace), variant)
    bad = await folder.add_variable(ua.NodeId("Bad", namespace), ua.QualifiedName("Bad", namespace), 1.5)
    await bad.write_value(ua.DataValue(ua.Variant(1.5, T.Double), StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure)))

    async with server:
        print(json.dumps({"port": port, "namespace": namespace, "nodes": [name for name, _, _ in values]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
