"""A reader in a process of its own; agent.ts says what it is told and what it answers."""

import json
import math
import struct
import sys

from cpc_image import (
    CONNECTIONS,
    GROUP_COUNTERS,
    HISTOGRAMS,
    SECURITIES,
    SERVER_COUNTERS,
    SERVICE_COUNTERS,
    ImageError,
    ProcessImage,
)
from cpc_journal import Cursor, Journal

LONG_TYPES = (8, 9, 13)


def camel(name):
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def number(names, name):
    return names.index(name) if name in names else int(name)


def scalar(kind, value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        if value == 0 and math.copysign(1, value) < 0:
            return "-0"
    return str(value) if kind in LONG_TYPES and value is not None else value


def reading_json(reading):
    value = reading.value
    kind = reading.type
    content = [scalar(kind, one) for one in value] if isinstance(value, list) else scalar(kind, value)
    times = {"sourceNs": str(reading.source_ns), "receivedNs": str(reading.received_ns)}
    dimensions = {"dimensions": reading.dimensions} if reading.dimensions else {}
    return {"status": reading.status, **times, "type": kind, "value": content, **dimensions}


def group_json(image, group):
    counters = image.group_counters(group.index)
    histograms = {
        camel(name): [[index, count] for index, count in enumerate(image.histogram(group.index, name)) if count > 0]
        for name in HISTOGRAMS
    }
    head = {"name": group.name, "intervalMs": group.interval_ms, "firstPoint": group.first_point}
    head.update(counters=[str(counters[name]) for name in GROUP_COUNTERS], histograms=histograms)
    try:
        poll = image.snapshot(group.index)
    except ImageError:
        return {**head, "poll": {"overtaken": True}}
    values = poll.values()
    statuses = poll.statuses()
    points = []
    for point, reading in poll.items():
        assert repr(values[point.position]) == repr(reading.value), "values() and items() differ"
        assert statuses[point.position] == reading.status, "statuses() and items() differ"
        texts = {"key": point.key, "description": point.description, "unit": point.unit, "source": point.source, "enumeration": point.enumeration}
        points.append({**texts, "type": point.type, "serverPosition": point.server_position, "reading": reading_json(reading)})
    integers = "cycle requested_ns published_ns last_good_ns duration_ns journal_position".split()
    fields = {camel(name): str(getattr(poll, name)) for name in integers}
    body = {"connection": number(CONNECTIONS, poll.connection), **fields, "points": points}
    return {**head, "published": poll.published, "poll": body}


def state_json(image, server):
    try:
        state = image.server_state(server.index)._asdict()
    except ImageError:
        return {"overtaken": True}
    state["connection"] = number(CONNECTIONS, state["connection"])
    return {camel(name): str(value) if name.endswith("_ns") else value for name, value in state.items()}


def dump(image):
    try:
        counters = image.counters()
        servers = image.servers
    except ImageError:
        return "none"
    names = "service services generation points_since is_retired publications interval_ms".split()
    head = {camel(name): getattr(image, name) for name in names}
    head.update(startedNs=str(image.started_ns), heartbeatNs=str(image.heartbeat_ns))
    head.update(counters=[str(counters[name]) for name in SERVICE_COUNTERS], servers=[])
    for server in servers:
        own = image.server_counters(server.index)
        texts = {camel(name): getattr(server, name) for name in ("alias", "connection_key", "connection_description")}
        head["servers"].append(
            {
                **texts,
                "security": number(SECURITIES, server.security),
                "counters": [str(own[name]) for name in SERVER_COUNTERS],
                "state": state_json(image, server),
                "groups": [group_json(image, group) for group in server.groups],
            }
        )
    return json.dumps(head)


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
    group = current.groups[0]
    published = current.word(group.block + 4)
    return current.copy(group.banks + (published & 1) * group.bank_bytes, group.bank_bytes)


def is_whole(bank, layout):
    """The pattern of torn-pattern.ts."""
    values = layout.unpack_from(bank)
    first = int(values[0])
    expected = tuple(range(first, first + len(values))) if first else (0,) * len(values)
    return values == expected


def torn(image, count, is_checked):
    whole = mixed = lapped = 0
    layout = None
    for _ in range(count):
        try:
            bank = image.snapshot(0).bank if is_checked else unchecked(image)
            layout = layout or struct.Struct(f"<{image._image.poll_bytes}x" + "d24x" * len(image.groups[0].points))
        except ImageError:
            lapped += 1
            continue
        if is_whole(bank, layout):
            whole += 1
        else:
            mixed += 1
    return f"whole {whole} torn {mixed} lapped {lapped}"


def foreign(image):
    """Reads a point of the last group from a poll of the first one."""
    snapshot = image.snapshot(0)
    point = image.points[-1]
    for which in (point, point.key):
        try:
            snapshot[which]
            return "read"
        except KeyError:
            pass
    return "refused"


def usable(image, kept, max_age_ms, mode):
    try:
        image.servers  # opens another image that has taken the name
    except ImageError:
        return "noImage"
    return camel(kept.usability(0, max_age_ms / 1000, accept_uncertain=mode == "uncertain").reason)


def change_json(change):
    places = {"position": str(change.position), "sequence": str(change.sequence)}
    indices = {"point": change.point, "group": change.group, "generation": change.generation}
    return {**places, **indices, "publishedNs": str(change.published_ns), **reading_json(change.reading)}


def cursor_json(cursor):
    return {"position": str(cursor.position), "sequence": str(cursor.sequence)}


def since(name, position, sequence):
    with Journal(name) as journal:
        try:
            head = {"service": journal.service, "startedNs": str(journal.started_ns)}
            head.update(end=cursor_json(journal.end()), oldest=cursor_json(journal.oldest()))
        except ImageError:
            return "none"
        found = journal.since(Cursor(position, sequence))
        changes = [change_json(change) for change in found.changes]
        return json.dumps({**head, "lost": str(found.lost), "cursor": cursor_json(found.cursor), "changes": changes})


def next_changes(journal):
    points = []
    lost = 0
    is_new = False
    while True:
        found = journal.next()
        lost += found.lost
        points += [change.point for change in found.changes]
        is_new = is_new or any(change.is_new_journal for change in found.changes)
        if not found.changes:
            return json.dumps({"points": points, "lost": str(lost), "isNewJournal": is_new})


class Agent:
    def __init__(self, image):
        self.image = image
        self.kept = None
        self.journal = None
        self.expected = 0

    def changes(self, most):
        read = lost = torn = unsaid = 0
        while read < most:
            found = self.journal.next(1000)
            for change in found.changes:
                self.expected += change.lost
                unsaid += change.sequence != self.expected
                self.expected = change.sequence + 1
                word = change.sequence & 0xFFFFFFFF
                torn += change.point != word or change.reading.value != struct.pack("<I", word) * (word % 8)
            self.expected += found.lost - sum(change.lost for change in found.changes)
            read += len(found.changes)
            lost += found.lost
            if not found.changes:
                break
        return f"read {read} lost {lost} torn {torn} unsaid {unsaid}"

    def answer(self, command, *arguments):
        image = self.image
        if command == "dump":
            return dump(image)
        if command == "wait":
            return str(int(image.wait(int(arguments[0]) / 1000)))
        if command == "take":
            return take(image)
        if command == "alive":
            return str(int(image.has_writer()))
        if command == "keep":
            self.kept = image.snapshot(0)
            return "kept"
        if command == "usable":
            return usable(image, self.kept, int(arguments[0]), arguments[1])
        if command == "foreign":
            return foreign(image)
        if command == "since":
            return since(arguments[0], *map(int, arguments[1:]))
        if command == "follow":
            self.journal = Journal(*arguments)
            return str(int(self.journal._journal is not None))
        if command == "next":
            return next_changes(self.journal)
        if command == "changes":
            return self.changes(int(arguments[0]))
        if command == "seek":
            return str(int(self.journal.seek(int(arguments[0]))))
        return torn(image, int(arguments[0]), arguments[1] == "checked")


with ProcessImage(sys.argv[1]) as opened:
    agent = Agent(opened)
    for line in sys.stdin:
        print(f"{agent.answer(*line.split())}\n.", flush=True)
