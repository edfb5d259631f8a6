//! The ring of changes: docs/process-image.md, "The journal".

use std::io::Result;
use std::path::Path;
use std::sync::atomic::{fence, Ordering};

use crate::mapping::{attempt, require, Mapping, ATTEMPTS};
use crate::tables::{bytes_of, Change, Field};
use crate::value::decode;

const WRITTEN: usize = 48;
const RESERVED: usize = 56;
const LAST_RECORD: usize = 64;
const MARKS: usize = 72;

/// In place of a number of lost changes: some were lost.
pub const UNKNOWN: u64 = u64::MAX;

pub struct Journal {
    /// 1 OPC UA, 2 Modbus TCP.
    pub service: u32,
    pub started_ns: i64,
    map: Mapping,
    ring: usize,
    ring_bytes: usize,
    first_position: u64,
}

/// Where a program is in the journal, and the number of the next change if it is known.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    pub position: u64,
    pub sequence: Option<u64>,
}

impl Journal {
    /// `name` lies in /dev/shm, or is an absolute path.
    pub fn open(name: impl AsRef<Path>) -> Result<Journal> {
        let map = Mapping::open(name.as_ref(), 1024, b"CPCJOURN", 1)?;
        let (ring, ring_bytes) = (map.u32(16) as usize, map.u64(24) as usize);
        let aligned = ring >= 1024 && ring % 8 == 0 && ring_bytes > 0 && ring_bytes % 4096 == 0;
        let inside = map.bytes.checked_sub(ring).is_some_and(|left| ring_bytes <= left);
        require(aligned && inside, "the ring lies outside of the journal")?;
        let (service, started_ns, first_position) = (map.u32(20), map.u64(32) as i64, map.u64(40));
        Ok(Journal { service, started_ns, map, ring, ring_bytes, first_position })
    }

    /// Behind the last change.
    pub fn end(&self) -> Result<Cursor> {
        attempt(|| {
            let last = self.map.u64(LAST_RECORD);
            if last == u64::MAX {
                return Ok(Some(Cursor { position: self.first_position, sequence: Some(0) }));
            }
            let Some((Some(change), position)) = self.record(last) else {
                return require(self.map.u64(LAST_RECORD) != last, "the last record is none").map(|()| None);
            };
            // It may be one that is about to be announced.
            let end = Cursor { position, sequence: Some(change.sequence.wrapping_add(1)) };
            Ok(Some(end).filter(|_| position <= self.map.u64(WRITTEN)))
        })
    }

    /// At the oldest change that is there still.
    pub fn oldest(&self) -> Result<Cursor> {
        match self.next(&mut Cursor { position: self.first_position, sequence: None })? {
            Some(change) => Ok(Cursor { position: change.position, sequence: Some(change.sequence) }),
            None => self.end(),
        }
    }

    /// The next changes, `limit` at most, each with the number of those that were lost before it. Moves the cursor behind them, and goes
    /// over to the next journal when the name leads there.
    pub fn since(&mut self, cursor: &mut Cursor, limit: usize) -> Result<Vec<Change>> {
        // Asked first: what the old journal has got by now is all that it will ever have.
        let moved = self.map.moved().unwrap_or(false);
        let mut changes = Vec::new();
        while changes.len() < limit {
            match self.next(cursor) {
                Ok(Some(change)) => changes.push(change),
                Err(error) if changes.is_empty() => return Err(error),
                _ => break,
            }
        }
        if !moved || limit == 0 || !changes.is_empty() {
            return Ok(changes);
        }
        *self = Journal::open(&self.map.path)?;
        *cursor = Cursor { position: self.first_position, sequence: Some(0) };
        self.since(cursor, limit)
    }

    fn next(&self, cursor: &mut Cursor) -> Result<Option<Change>> {
        let mut overruns = 0;
        while overruns < ATTEMPTS {
            let written = self.map.u64(WRITTEN);
            if cursor.position == written {
                break;
            }
            let found = if cursor.position < written { self.record(cursor.position) } else { None };
            let Some((change, behind)) = found else {
                overruns += 1;
                // A number that is larger than any: so many were lost that nobody knows. The next change tells the loss.
                cursor.sequence = cursor.sequence.or(Some(UNKNOWN));
                let ahead = self.ahead_of(cursor.position).filter(|_| overruns < ATTEMPTS);
                cursor.position = ahead.map_or_else(|| self.end().map(|end| end.position), Ok)?;
                continue;
            };
            cursor.position = behind;
            if let Some(mut change) = change {
                let lost = |due| change.sequence.checked_sub(due).unwrap_or(UNKNOWN);
                change.lost = cursor.sequence.map_or(0, lost);
                cursor.sequence = Some(change.sequence.wrapping_add(1));
                return Ok(Some(change));
            }
        }
        Ok(None)
    }

    /// Steps 17 and 18: the change at a position, if it is one, and what is behind it; nothing when it was overwritten.
    fn record(&self, position: u64) -> Option<(Option<Change>, u64)> {
        let is_place = position >= self.first_position && position % 8 == 0;
        let at = (position % self.ring_bytes as u64) as usize;
        let length = if is_place { self.map.u32(self.ring + at) as usize } else { 0 };
        if length < 8 || length % 8 != 0 || length > self.ring_bytes - at {
            return None;
        }
        let record = self.map.copy(self.ring + at, length);
        fence(Ordering::Acquire);
        let ahead = self.map.u64(RESERVED).wrapping_sub(position);
        let is_whole = ahead >= length as u64 && ahead <= self.ring_bytes as u64;
        let [is_change, kind, shape] = <[u8; 3]>::get(&record, 4);
        let behind = position.wrapping_add(length as u64);
        match (is_change, record.get(7)) {
            _ if !is_whole => None,
            (1, None) => None,
            (1, Some(&slot)) => {
                let value = decode(kind, shape, slot, bytes_of(&record[8..]));
                Some((Some(Change { position, value, ..Field::get(&record, 0) }), behind))
            }
            _ => Some((None, behind)),
        }
    }

    /// Step 19: the smallest mark behind a position whose record is there still; without one, the last record.
    fn ahead_of(&self, position: u64) -> Option<u64> {
        let reserved = self.map.u64(RESERVED).saturating_sub(self.ring_bytes as u64);
        let (oldest, written) = (reserved.max(self.first_position), self.map.u64(WRITTEN));
        let marks = (0..64).map(|index| (index, self.map.u64(MARKS + 8 * index as usize)));
        let own = marks.filter(|(index, mark)| mark / (self.ring_bytes as u64 / 64) % 64 == *index);
        let all = own.map(|(_, mark)| mark).chain([self.map.u64(LAST_RECORD)]);
        all.filter(|mark| *mark > position && (oldest..written).contains(mark)).min()
    }
}
