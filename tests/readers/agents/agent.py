"""A reader in a process of its own; agent.ts says what it is told and what it answers."""

import struct
import sys

from cpc_image import ImageError, ProcessImage


def scalar(kind, value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "x" + value.hex()
    if isinstance(value, str):
        return "x" + value.encode("utf-8").hex()
    if isinstance(value, float):
        if value != value:
            return "NaN"
        return "f" + struct.pack(">f", value).hex() if kind == 10 else "d" + struct.pack(">d", value).hex()
    return str(value)


def canonical(reading):
    if not isinstance(reading.value, list):
        return scalar(reading.type, reading.value)
    shape = "(" + ",".join(map(str, reading.dimensions)) + ")" if reading.dimensions else ""
    return shape + "[" + ",".join(scalar(reading.type, value) for value in reading.value) + "]"


CONNECTIONS = ("waiting", "connecting", "connected", "lost", "stopped")


def dump(image):
    try:
        lines = [f"image\t{image.service}\t{len(image.servers)}"]
        servers = image.servers
    except ImageError:
        return ["none"]
    for server in servers:
        try:
            poll = image.snapshot(server.alias)
        except ImageError:
            lines.append("lapped")
            continue
        names = [server.alias, server.connection_key, server.connection_description, server.interval_ms]
        times = [poll.published_ns, poll.last_good_ns, poll.duration_ns, poll.certificate_ends_ns, poll.error_ns]
        state = [CONNECTIONS.index(poll.connection), poll.cycle, *times, poll.error.encode().hex()]
        lines.append("\t".join(map(str, ["server", *names, *state])))
        values = poll.values()
        statuses = poll.statuses()
        for point, reading in poll.items():
            assert repr(values[point.position]) == repr(reading.value), "values() and items() differ"
            assert statuses[point.position] == reading.status, "statuses() and items() differ"
            constant = [point.key, point.description, point.unit, point.type]
            status = f"{reading.status:08x}"
            fields = [reading.type, status, reading.source_ns, reading.received_ns, canonical(reading)]
            lines.append("\t".join(map(str, ["point", *constant, *fields])))
    return lines


def take(image):
    try:
        image.servers
    except ImageError:
        return "none"
    try:
        return f"ok {image.snapshot(0).published}"
    except ImageError:
        return "lapped"


def unchecked(image):
    current = image._current()
    server = current.servers[0]
    published = current.word(server.block + 4)
    start = server.block + current.banks_offset + (published & 1) * server.bank_bytes
    return bytes(current._bytes[start : start + server.bank_bytes])


def is_whole(bank, layout):
    """The pattern of torn-pattern.ts."""
    fields = layout.unpack_from(bank)
    values, received = fields[0::2], fields[1::2]
    first = int(values[0])
    expected = tuple(range(first, first + len(values))) if first else (0,) * len(values)
    return values == expected and received.count(received[0]) == len(received)


def torn(image, count, is_checked):
    whole = mixed = lapped = 0
    layout = None
    for _ in range(count):
        try:
            bank = image.snapshot(0).bank if is_checked else unchecked(image)
            layout = layout or struct.Struct(f"<{image._image.poll_bytes}x" + "d8xq8x" * len(image.servers[0].points))
        except ImageError:
            lapped += 1
            continue
        if is_whole(bank, layout):
            whole += 1
        else:
            mixed += 1
    return f"whole {whole} torn {mixed} lapped {lapped}"


def answer(image, command, argument="", mode=""):
    if command == "dump":
        return dump(image)
    if command == "wait":
        return [str(int(image.wait(int(argument) / 1000)))]
    if command == "take":
        return [take(image)]
    if command == "alive":
        return [str(int(image.has_writer()))]
    return [torn(image, int(argument), mode == "checked")]


with ProcessImage(sys.argv[1]) as opened:
    for line in sys.stdin:
        print("\n".join([*answer(opened, *line.split()), "."]), flush=True)
