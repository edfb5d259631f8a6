//! The ring of changes: docs/process-image.md, "The journal".

use std::io::Result;

use crate::mapping::{attempt, require, Mapping, ATTEMPTS};
use crate::tables::{decode, view, JournalHeader, JournalRecord, Value};

const WRITTEN: usize = 48;
const RESERVED: usize = 56;
const LAST_RECORD: usize = 64;
const MARKS: usize = 72;
const CHANGE: u8 = 1;

/// In place of a number of lost changes: some were lost.
pub const UNKNOWN: u64 = u64::MAX;

/// At the oldest change that is there still. What came before it was lost.
pub const OLDEST: Cursor = Cursor { position: 0, sequence: Some(0) };

pub struct Journal {
    pub header: JournalHeader,
    map: Mapping,
}

/// Where a program is in the journal, and the number of the next change if it is known.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    pub position: u64,
    pub sequence: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Change {
    pub position: u64,
    pub record: JournalRecord,
    pub value: Value,
    /// Changes before this one that were lost.
    pub lost: u64,
}

impl Journal {
    /// `name` lies in /dev/shm, or is an absolute path.
    pub fn open(name: &str) -> Result<Journal> {
        let map = Mapping::open(name, 1024, b"CPCJOURN", 1)?;
        let header: JournalHeader = view(&map.copy(0, 48));
        let (ring, ring_bytes) = (u64::from(header.ring), header.ring_bytes);
        let is_aligned = ring >= 1024 && ring % 8 == 0 && ring_bytes > 0 && ring_bytes % 4096 == 0;
        let is_inside = ring_bytes <= (map.bytes as u64).saturating_sub(ring);
        require(is_aligned && is_inside, "the ring lies outside of the journal")?;
        Ok(Journal { header, map })
    }

    /// Behind the last change.
    pub fn end(&self) -> Result<Cursor> {
        attempt(|| {
            let last: u64 = self.map.load(LAST_RECORD);
            if last == u64::MAX {
                return Ok(Some(Cursor { position: self.header.first_position, sequence: Some(0) }));
            }
            let found = self.record(last).filter(|(change, _)| change.record.kind == CHANGE);
            require(found.is_some() || self.map.load::<u64>(LAST_RECORD) != last, "the last record is none")?;
            Ok(found.map(|(_, behind)| behind))
        })
    }

    /// The next changes, `limit` at most. Moves the cursor behind them, and goes over to the next journal when the name leads there.
    pub fn since(&mut self, cursor: &mut Cursor, limit: usize) -> Result<Vec<Change>> {
        // Asked first: what the old journal has got by now is all that it will ever have.
        let moved = self.map.moved().unwrap_or(false);
        let changes: Vec<Change> = std::iter::from_fn(|| self.next(cursor)).take(limit).collect();
        if moved && limit > 0 && changes.is_empty() {
            (*self, *cursor) = (Journal::open(&self.map.name)?, OLDEST);
            return self.since(cursor, limit);
        }
        Ok(changes)
    }

    fn next(&self, cursor: &mut Cursor) -> Option<Change> {
        let mut overruns = 0;
        while overruns < ATTEMPTS && cursor.position != self.map.load::<u64>(WRITTEN) {
            match self.record(cursor.position) {
                Some((mut change, behind)) if change.record.kind == CHANGE => {
                    let lost = |due| change.record.sequence.checked_sub(due).unwrap_or(UNKNOWN);
                    change.lost = cursor.sequence.map_or(0, lost);
                    *cursor = behind;
                    return Some(change);
                }
                Some((_, behind)) => cursor.position = behind.position,
                None => {
                    overruns += 1;
                    // A number that is larger than any: so many were lost that nobody knows. The next change tells the loss.
                    let sequence = cursor.sequence.or(Some(UNKNOWN));
                    *cursor = Cursor { position: self.ahead_of(cursor.position), sequence };
                }
            }
        }
        None
    }

    /// Steps 17 and 18: what lies at a position, and what is behind it; nothing when it was overwritten.
    fn record(&self, position: u64) -> Option<(Change, Cursor)> {
        let JournalHeader { ring, ring_bytes, first_position, .. } = self.header;
        let at = position % ring_bytes;
        let is_place = (first_position..self.map.load(WRITTEN)).contains(&position) && position % 8 == 0;
        let bytes: u32 = if is_place { self.map.load(ring as usize + at as usize) } else { 0 };
        if bytes < 8 || bytes % 8 != 0 || u64::from(bytes) > ring_bytes - at {
            return None;
        }
        let copy = self.map.copy(ring as usize + at as usize, bytes as usize);
        let ahead = self.map.load::<u64>(RESERVED).wrapping_sub(position);
        let record: JournalRecord = view(&copy);
        let is_whole = ahead >= bytes.into() && ahead <= ring_bytes && (bytes >= 64 || record.kind != CHANGE);
        let value = decode(record.type_number, record.shape, record.slot, copy.get(64..).unwrap_or_default());
        let behind = Cursor { position: position + u64::from(bytes), sequence: Some(record.sequence.wrapping_add(1)) };
        is_whole.then_some((Change { position, record, value, lost: 0 }, behind))
    }

    /// Step 19: the smallest mark behind a position whose record is there still; without one, the end.
    fn ahead_of(&self, position: u64) -> u64 {
        let JournalHeader { ring_bytes, first_position, .. } = self.header;
        let (written, reserved): (u64, u64) = (self.map.load(WRITTEN), self.map.load(RESERVED));
        let oldest = first_position.max(position.saturating_add(1)).max(reserved.saturating_sub(ring_bytes));
        let marks = (0..64).map(|index| (index, self.map.load::<u64>(MARKS + 8 * index as usize)));
        let own = marks.filter(|(index, mark)| mark / (ring_bytes / 64) % 64 == *index);
        own.map(|(_, mark)| mark).filter(|mark| (oldest..written).contains(mark)).min().unwrap_or(written)
    }
}
