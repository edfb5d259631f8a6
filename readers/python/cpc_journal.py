"""Reads the journals of cpc-partition: every change of a value or status, in order, or how many were lost. Needs cpc_image.py beside it.

    with ProcessImage("modbus_image") as image, Journal("modbus_journal") as journal:
        while True:
            image.wait(timeout=1.0)
            for change in journal:
                print(change.lost, change.point, change.reading.value)

docs/process-image.md says what every field means. One Journal for each thread.
"""

from __future__ import annotations

import struct
from typing import Iterator, List, NamedTuple, Optional, Tuple

from cpc_image import ImageError, Reading, SharedObject, check_name, read_value

__all__ = ["Change", "Changes", "Cursor", "Journal"]

_RECORD = struct.Struct("<IBBBxQIIIIqqqQ")
_NO_RECORD = 2**64 - 1
_CHANGE = 1


class Cursor(NamedTuple):
    position: int
    sequence: int
    """Number of the change that is expected there."""


class Change(NamedTuple):
    """One change of one point."""

    lost: int
    """Changes that were overwritten before this one could be read."""
    is_new_journal: bool
    """The first of a journal that took the place of the one before: positions and numbers begin anew."""
    position: int
    sequence: int
    point: int
    """Index in `points` of an image of that generation."""
    group: int
    generation: int
    published_ns: int
    """Of the publication that shows the change, also of a status that no answer brought."""
    reading: Reading


class Changes(NamedTuple):
    changes: List[Change]
    lost: int
    """All changes together that were overwritten, also those behind the last one of the list."""
    cursor: Cursor


class Journal:
    """A journal by its name, as "opcua_journal"; there need not be one yet.

    `start`: "end" for what comes from now on, "oldest" for everything that is still there.
    """

    def __init__(self, name: str, start: str = "end") -> None:
        check_name(name)
        if start not in ("end", "oldest"):
            raise ValueError(f'cannot start a journal at {start!r}; use "end" or "oldest"')
        self.name = name
        self._journal: Optional[_Journal] = None
        self._cursor = Cursor(0, 0)
        try:
            self._journal = _Journal(name)
            self._cursor = self._journal.end() if start == "end" else self._journal.oldest()
        except ImageError:
            self.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    @property
    def service(self) -> str:
        return "opcua" if self._opened().word(20) == 1 else "modbus"

    @property
    def started_ns(self) -> int:
        return self._opened().integer(32)

    def end(self) -> Cursor:
        """Behind the last change."""
        return self._opened().end()

    def oldest(self) -> Cursor:
        """At the oldest change that is still there."""
        return self._opened().oldest()

    def since(self, cursor: Cursor, most: int = 10_000) -> Changes:
        """What has changed since a cursor of this journal, `most` changes at a time."""
        return self._opened().since(cursor, most)

    def seek(self, position: int) -> bool:
        """Goes on at the `journal_position` of a snapshot: the next changes are those that it does not show.

        False when they have been overwritten, or when there is no journal: take another snapshot.
        """
        try:
            if self._journal is None or not self._journal.is_current():
                self._reopen()
            cursor = self._opened().at(position)
        except ImageError:
            return False
        if cursor is not None:
            self._cursor = cursor
        return cursor is not None

    def next(self, most: int = 10_000) -> Changes:
        """What has changed since the last call; nothing when there is no journal.

        A journal that lost its name is read to its end, then the next one from its beginning.
        """
        if self._journal is not None:
            # Asked before reading: what a writer appends before it loses the name is still read.
            is_current = self._journal.is_current()
            found = self._journal.since(self._cursor, most)
            is_moved = found.cursor != self._cursor
            self._cursor = found.cursor
            if is_current or is_moved:
                return found
        try:
            self._reopen()
        except ImageError:
            return Changes([], 0, self._cursor)
        found = self._opened().since(self._cursor, most)
        self._cursor = found.cursor
        if found.changes:
            found.changes[0] = found.changes[0]._replace(is_new_journal=True)
        return found

    def __iter__(self) -> Iterator[Change]:
        """All changes that are new now."""
        while True:
            changes = self.next().changes
            if not changes:
                return
            yield from changes

    def _opened(self) -> _Journal:
        if self._journal is None:
            raise ImageError(f"cannot read {self.name} because there is none")
        return self._journal

    def _reopen(self) -> None:
        self.close()
        self._journal = _Journal(self.name)
        # A journal counts from 0: what came before its oldest change is lost.
        self._cursor = self._journal.oldest()._replace(sequence=0)


class _Journal(SharedObject):
    """One journal."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 1024)
        try:
            self.check_kind((0x4A435043, 0x4E52554F), 1)
            self.header_bytes = self.word(16)
            self.ring_bytes = self.natural(24)
            self.demand(self.header_bytes >= 1024 and self.header_bytes % 8 == 0, "its header is too small")
            is_whole = self.ring_bytes > 0 and self.ring_bytes % 4096 == 0 and self.header_bytes + self.ring_bytes <= self.size
            self.demand(is_whole, "its ring has an odd size or is cut short")
        except BaseException:
            self.close()
            raise

    def end(self) -> Cursor:
        while True:
            last = self.natural(64)
            if last == _NO_RECORD:
                return Cursor(self.natural(40), 0)
            record = self._copy_record(last)
            if record is not None and len(record) >= _RECORD.size:
                return Cursor(last + len(record), _RECORD.unpack_from(record)[4] + 1)
            # Either the writer has gone once around the ring meanwhile, or there never was a record.
            self.demand(self.natural(64) != last, "its last record is none")

    def oldest(self) -> Cursor:
        # What comes while this looks on is the oldest then, and not to be passed over.
        first = self.natural(40)
        if self.natural(48) == first:
            return Cursor(first, 0)
        position = self._mark()
        record = None if position is None else self._copy_record(position)
        if position is None or record is None or len(record) < _RECORD.size:
            return self.end()
        return Cursor(position, _RECORD.unpack_from(record)[4])

    def at(self, position: int) -> Optional[Cursor]:
        here = position
        while True:
            if here >= self.natural(48):
                end = self.end()
                if end.position <= here:
                    return end if end.position == here else None
            record = self._copy_record(here)
            if record is None:
                return None
            if record[4] == _CHANGE:
                return Cursor(here, _RECORD.unpack_from(record)[4])
            here += len(record)

    def since(self, cursor: Cursor, most: int) -> Changes:
        changes: List[Change] = []
        lost = 0
        position, expected = cursor
        while len(changes) < most and position < self.natural(48):
            record = self._copy_record(position)
            if record is None:  # Overrun: go on at the oldest mark ahead.
                mark = self._mark()
                if mark is not None and mark > position:
                    position = mark
                    continue
                end = self.end()
                return Changes(changes, lost + end.sequence - expected, end)
            if record[4] == _CHANGE:
                _, _, kind, shape, sequence, point, group, generation, status, source_ns, received_ns, published_ns, _ = _RECORD.unpack_from(record)
                value, dimensions = read_value(record, 56, memoryview(record)[64:], kind, shape)
                reading = Reading(value, kind, dimensions, status, source_ns, received_ns)
                changes.append(Change(sequence - expected, False, position, sequence, point, group, generation, published_ns, reading))
                lost += sequence - expected
                expected = sequence + 1
            position += len(record)
        return Changes(changes, lost, Cursor(position, expected))

    def _copy_record(self, position: int) -> Optional[bytes]:
        """A whole record; None when the writer may have been there meanwhile, or what lies there is none."""
        in_ring = position % self.ring_bytes
        if position % 8 != 0:
            return None
        length = self.word(self.header_bytes + in_ring)
        if length < 8 or length % 8 != 0 or length > self.ring_bytes - in_ring:
            return None
        record = self.copy(self.header_bytes + in_ring, length)
        self.memory_fence()
        if not length <= self.natural(56) - position <= self.ring_bytes:
            return None
        return None if record[4] == _CHANGE and length < _RECORD.size else record

    def _mark(self) -> Optional[int]:
        written, first, stretch = self.natural(48), self.natural(40), self.ring_bytes // 64
        whole = self.natural(56) - self.ring_bytes
        marks: List[Tuple[int, int]] = [(index, self.natural(72 + 8 * index)) for index in range(64)]
        found = [mark for index, mark in marks if max(first, whole) <= mark < written and mark // stretch % 64 == index]
        return min(found, default=None)
