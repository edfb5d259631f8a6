//! The ring of changes: docs/process-image.md, "The journal".

use std::path::Path;
use std::sync::atomic::{fence, Ordering};
use std::sync::Arc;

use crate::directory::Point;
use crate::image::{Image, ATTEMPTS};
use crate::mapping::Mapping;
use crate::value::{decode, u32_at, u64_at, Value};
use crate::Error;

const WRITTEN: u64 = 48;
const RESERVED: u64 = 56;
const LAST_RECORD: u64 = 64;
const MARKS: u64 = 72;
const MARK_COUNT: u64 = 64;
const HEADER_BYTES: u64 = 1024;
const CHANGE: u8 = 1;
const CHANGE_BYTES: usize = 64;

/// Of `lost`: changes were lost, and their number is not known.
pub const UNKNOWN: u64 = u64::MAX;

pub struct Journal {
    map: Mapping,
    /// 1 OPC UA, 2 Modbus TCP.
    pub service: u32,
    pub started_ns: i64,
    header_bytes: u64,
    ring_bytes: u64,
    first_position: u64,
}

/// Where a program is in the journal.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    pub position: u64,
    /// The number of the next change, if it is known.
    pub sequence: Option<u64>,
}

pub struct Changes {
    /// Before the first of `changes`, or `UNKNOWN`.
    pub lost: u64,
    pub changes: Vec<Change>,
}

pub struct Change {
    pub position: u64,
    pub sequence: u64,
    pub point: usize,
    pub group: usize,
    pub generation: u32,
    pub status: u32,
    pub source_ns: i64,
    pub received_ns: i64,
    /// Of the publication that shows the change, also of a status that no answer brought.
    pub published_ns: i64,
    pub kind: u8,
    pub value: Value,
}

impl Journal {
    /// `name` lies in /dev/shm, or is an absolute path.
    pub fn open(name: impl AsRef<Path>) -> Result<Journal, Error> {
        let map = Mapping::open(name.as_ref(), HEADER_BYTES, b"CPCJOURN", 1)?;
        let (header_bytes, ring_bytes) = (u64::from(map.u32(16)), map.u64(24));
        let aligned = header_bytes % 8 == 0 && ring_bytes > 0 && ring_bytes % 4096 == 0;
        if !aligned || header_bytes < HEADER_BYTES || ring_bytes > map.bytes.saturating_sub(header_bytes) {
            return Err(Error::Corrupt("the ring lies outside of the journal"));
        }
        let (service, started_ns, first_position) = (map.u32(20), map.u64(32) as i64, map.u64(40));
        Ok(Journal { map, service, started_ns, header_bytes, ring_bytes, first_position })
    }

    /// Behind the last change.
    pub fn end(&self) -> Result<Cursor, Error> {
        for _ in 0..ATTEMPTS {
            let last = self.map.u64(LAST_RECORD);
            if last == u64::MAX {
                return Ok(Cursor { position: self.first_position, sequence: Some(0) });
            }
            let Some(record) = self.record(last).filter(|record| record[4] == CHANGE) else {
                // Overwritten meanwhile, or never a record.
                if self.map.u64(LAST_RECORD) == last {
                    return Err(Error::Corrupt("its last record is none"));
                }
                continue;
            };
            let position = last + record.len() as u64;
            // The last record may be one that is about to be announced.
            if position <= self.map.u64(WRITTEN) {
                return Ok(Cursor { position, sequence: Some(u64_at(&record, 8).wrapping_add(1)) });
            }
        }
        Err(Error::Overtaken)
    }

    /// At the oldest change that is surely there still.
    pub fn oldest(&self) -> Result<Cursor, Error> {
        for position in (0..ATTEMPTS).map_while(|_| self.mark_from(0)) {
            if let Some(record) = self.record(position).filter(|record| record[4] == CHANGE) {
                return Ok(Cursor { position, sequence: Some(u64_at(&record, 8)) });
            }
        }
        self.end()
    }

    /// A cursor at the `journal_position` of a snapshot: what follows is what the snapshot does not show.
    pub fn at(&self, position: u64) -> Cursor {
        Cursor { position, sequence: None }
    }

    /// The next changes, `limit` at most; moves the cursor behind them. Goes over to the next journal when the name leads there.
    pub fn since(&mut self, cursor: &mut Cursor, limit: usize) -> Result<Changes, Error> {
        // Asked first: what the old journal has got by now is all that it will ever have.
        let moved = self.map.moved().unwrap_or(false);
        let read = self.read(cursor, limit)?;
        if !moved || limit == 0 || read.lost > 0 || !read.changes.is_empty() {
            return Ok(read);
        }
        *self = Journal::open(&self.map.path)?;
        *cursor = Cursor { position: self.first_position, sequence: Some(0) };
        self.read(cursor, limit)
    }

    fn read(&self, cursor: &mut Cursor, limit: usize) -> Result<Changes, Error> {
        let mut read = Changes { lost: 0, changes: Vec::new() };
        let mut overruns = 0;
        loop {
            let written = self.map.u64(WRITTEN);
            if read.changes.len() >= limit || cursor.position == written {
                return Ok(read);
            }
            let ahead = cursor.position < written;
            let Some(record) = ahead.then(|| self.record(cursor.position)).flatten() else {
                // What is read comes first, the loss behind it with the next call.
                if !read.changes.is_empty() {
                    return Ok(read);
                }
                overruns += 1;
                if let Some(mark) = self.mark_from(cursor.position.wrapping_add(1)).filter(|_| overruns < ATTEMPTS) {
                    read.lost = cursor.sequence.map_or(UNKNOWN, |_| 0);
                    cursor.position = mark;
                    continue;
                }
                let end = self.end()?;
                read.lost = lost(cursor.sequence, end.sequence);
                *cursor = end;
                return Ok(read);
            };
            if record[4] == CHANGE {
                let change = self.change(cursor.position, &record);
                let lost = cursor.sequence.map_or(0, |due| lost(Some(due), Some(change.sequence)));
                if lost > 0 && !read.changes.is_empty() {
                    return Ok(read);
                }
                read.lost = read.lost.saturating_add(lost);
                cursor.sequence = Some(change.sequence.wrapping_add(1));
                read.changes.push(change);
            }
            cursor.position += record.len() as u64;
        }
    }

    /// Steps 17 and 18: the whole record at a position, or nothing when it was overwritten.
    fn record(&self, position: u64) -> Option<Vec<u8>> {
        let at = position % self.ring_bytes;
        if position < self.first_position || position % 8 != 0 {
            return None;
        }
        let length = u64::from(self.map.u32(self.header_bytes + at));
        if length % 8 != 0 || length < 8 || length > self.ring_bytes - at {
            return None;
        }
        let mut record = vec![0; length as usize];
        self.map.copy(self.header_bytes + at, &mut record);
        fence(Ordering::Acquire);
        let is_whole = (length..=self.ring_bytes).contains(&self.map.u64(RESERVED).wrapping_sub(position));
        let is_long_enough = record[4] != CHANGE || record.len() >= CHANGE_BYTES;
        (is_whole && is_long_enough).then_some(record)
    }

    /// Step 19: the smallest mark from this position on whose record is there still.
    fn mark_from(&self, position: u64) -> Option<u64> {
        let oldest = self.map.u64(RESERVED).saturating_sub(self.ring_bytes).max(self.first_position);
        let written = self.map.u64(WRITTEN);
        let marks = (0..MARK_COUNT).map(|index| (index, self.map.u64(MARKS + 8 * index)));
        let valid = marks.filter(|&(index, mark)| {
            let is_own = mark / (self.ring_bytes / MARK_COUNT) % MARK_COUNT == index;
            is_own && mark >= oldest && mark < written && mark >= position
        });
        valid.map(|(_, mark)| mark).min()
    }

    fn change(&self, position: u64, record: &[u8]) -> Change {
        let (kind, shape) = (record[5], record[6]);
        Change {
            position,
            sequence: u64_at(record, 8),
            point: u32_at(record, 16) as usize,
            group: u32_at(record, 20) as usize,
            generation: u32_at(record, 24),
            status: u32_at(record, 28),
            source_ns: u64_at(record, 32) as i64,
            received_ns: u64_at(record, 40) as i64,
            published_ns: u64_at(record, 48) as i64,
            kind,
            value: decode(kind, shape, u64_at(record, 56).to_le_bytes(), &record[CHANGE_BYTES..]),
        }
    }
}

fn lost(due: Option<u64>, found: Option<u64>) -> u64 {
    due.zip(found).and_then(|(due, found)| found.checked_sub(due)).unwrap_or(UNKNOWN)
}

impl Image {
    /// The point of a change of the same run of the writer, if its number means the same in this image.
    pub fn point_of(&self, change: &Change) -> Option<Arc<Point>> {
        let means_the_same = (self.points_since..=self.generation).contains(&change.generation);
        self.points.get(change.point).filter(|_| means_the_same).cloned()
    }
}
