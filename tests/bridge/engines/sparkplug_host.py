"""A Sparkplug host on a decoder that others wrote: prints every message as a line of JSON, and asks for a rebirth at each line of its input."""

import json
import sys

import pysparkplug as sparkplug

host, port, group, edge_node = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


def shown(value):
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def tell(_client, message):
    metrics = getattr(message.payload, "metrics", ())
    print(
        json.dumps(
            {
                "type": str(message.topic.message_type),
                "device": message.topic.device_id,
                "seq": getattr(message.payload, "seq", None),
                "metrics": [
                    {"name": m.name, "value": shown(m.value), "type": m.datatype.name, "historical": m.is_historical}
                    for m in metrics
                ],
            }
        ),
        flush=True,
    )


client = sparkplug.Client(client_id="test-host")
for name in ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"):
    kind = sparkplug.MessageType(name)
    topic = sparkplug.Topic(
        group_id="+", message_type=kind, edge_node_id="+", device_id="+" if name.startswith("D") else None
    )
    client.subscribe(topic, sparkplug.QoS.AT_LEAST_ONCE, tell)
client.connect(host, port=port, blocking=False, callback=lambda _: print('{"type": "connected"}', flush=True))

for line in sys.stdin:
    rebirth = sparkplug.Metric(
        timestamp=sparkplug.get_current_timestamp(),
        name="Node Control/Rebirth",
        datatype=sparkplug.DataType.BOOLEAN,
        value=True,
    )
    command = sparkplug.NCmd(timestamp=sparkplug.get_current_timestamp(), metrics=(rebirth,))
    node = sparkplug.Topic(
        group_id=group, message_type=sparkplug.MessageType.NCMD, edge_node_id=edge_node
    )
    try:
        client.publish(sparkplug.Message(topic=node, payload=command, qos=sparkplug.QoS.AT_MOST_ONCE, retain=False))
    except sparkplug.MQTTError:
        pass  # The broker is away; who asked will ask again.

client.disconnect()
