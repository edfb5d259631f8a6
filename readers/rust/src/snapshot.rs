//! What a group holds: docs/process-image.md, "Take a snapshot" and "Is a value usable?".

use std::io::Result;
use std::sync::atomic::{fence, Ordering};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::image::{elsewhere, Image};
use crate::mapping::attempt;
use crate::tables::{bytes_of, Field, Group, Header, Point, Poll};
use crate::value::{decode, Value};

/// One whole poll of a group.
pub struct Snapshot {
    pub group: usize,
    pub published: u32,
    pub poll: Poll,
    image: Arc<Image>,
    bank: Vec<u64>,
}

pub struct Reading<'a> {
    pub point: &'a Point,
    pub value: Value,
    /// Built-in type of the value, 0 before the first one.
    pub kind: u8,
    pub status: u32,
    pub source_ns: i64,
    pub received_ns: i64,
    image: &'a Image,
}

/// Why a value must not be used: the first of these that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unusable {
    WriterDead,
    Retired,
    WriterHangs,
    Status(u32),
    TooOld(Duration),
}

impl Image {
    pub fn snapshot(self: &Arc<Image>, group: usize) -> Result<Snapshot> {
        self.snapshot_with(group, true)
    }

    /// Without the check for the proof that it is needed.
    #[doc(hidden)]
    pub fn snapshot_with(self: &Arc<Image>, group: usize, check: bool) -> Result<Snapshot> {
        let &Group { block, banks, bank_bytes, .. } = self.groups.get(group).ok_or_else(elsewhere)?;
        let (published, bank) = self.copy(block, banks, bank_bytes, check)?;
        Ok(Snapshot { group, published, poll: Field::get(&bank, 0), image: Arc::clone(self), bank })
    }

    /// Steps 7 to 10. The fence keeps every word of the copy before the load of `begun`.
    pub(crate) fn copy(&self, block: usize, banks: usize, bytes: usize, check: bool) -> Result<(u32, Vec<u64>)> {
        attempt(|| {
            let published = self.map.u32(block + 4);
            let bank = self.map.copy(banks + (published & 1) as usize * bytes, bytes);
            fence(Ordering::Acquire);
            let is_whole = !check || self.map.u32(block).wrapping_sub(published) <= 1;
            Ok(is_whole.then_some((published, bank)))
        })
    }
}

impl Snapshot {
    /// Of all points of the group, in their order.
    pub fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        let behind = &self.image.points[self.image.groups[self.group].first_point..];
        behind.iter().map_while(|point| self.reading(point).ok())
    }

    pub fn reading(&self, point: &Point) -> Result<Reading<'_>> {
        let image = &*self.image;
        let own = image.points.get(point.index).filter(|own| std::ptr::eq(*own, point) && own.group == self.group);
        let point = own.ok_or_else(elsewhere)?;
        let number = point.index - image.groups[self.group].first_point;
        let record = &self.bank[(image.sizes[5] + number * image.sizes[6]) / 8..];
        let room = bytes_of(&self.bank).get(point.room..point.room + point.capacity_bytes).unwrap_or_default();
        let [kind, shape]: [u8; 2] = Field::get(record, 28);
        let (source_ns, received_ns, status) = (Field::get(record, 8), Field::get(record, 16), Field::get(record, 24));
        Ok(Reading { point, value: decode(kind, shape, record[0], room), kind, status, source_ns, received_ns, image })
    }
}

impl Reading<'_> {
    /// Yes, or why not. It asks after the snapshot: what the writer did before it died is then known.
    pub fn usable(&self, max_age: Duration, accept_uncertain: bool) -> std::result::Result<(), Unusable> {
        let Header { state, interval_ms, heartbeat_ns, .. } = self.image.header();
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        let [silence, age] = [heartbeat_ns, self.received_ns].map(|ns| Duration::from_nanos(now_ns.abs_diff(ns)));
        let longest_silence = Duration::from_millis(3 * u64::from(interval_ms)).max(Duration::from_secs(5));
        let reasons = [
            (!self.image.has_writer(), Unusable::WriterDead),
            (state != 1, Unusable::Retired),
            (silence > longest_silence, Unusable::WriterHangs),
            (self.status >> 30 > u32::from(accept_uncertain), Unusable::Status(self.status)),
            (age > max_age, Unusable::TooOld(age)),
        ];
        reasons.into_iter().find(|(holds, _)| *holds).map_or(Ok(()), |(_, why)| Err(why))
    }
}
