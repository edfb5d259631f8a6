//! What changes in an image: docs/process-image.md, "Reading, step by step" and "Is a value usable?".

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{fence, Ordering};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::directory::{Directory, Group, Point, COUNTERS, HISTOGRAMS, HISTOGRAM_BYTES};
use crate::mapping::Mapping;
use crate::value::{decode, u32_at, u64_at, Value};
use crate::Error;

pub(crate) const ATTEMPTS: usize = 100;
const STATE: u64 = 96;
const PUBLICATIONS: u64 = 100;
const HEARTBEAT: u64 = 120;
const SERVICE_COUNTERS: u64 = 128;
const LIVE: u32 = 1;

/// One generation of an image. Its directory (servers, groups, points) is a part of it.
pub struct Image {
    map: Mapping,
    directory: Arc<Directory>,
}

impl Deref for Image {
    type Target = Directory;
    fn deref(&self) -> &Directory {
        &self.directory
    }
}

/// What a program asks of a value.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub max_age: Duration,
    pub accept_uncertain: bool,
}

/// Why a value must not be used: the first of these that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unusable {
    WriterDead,
    /// Or the reading is one of another image.
    Retired,
    WriterHangs,
    Status(u32),
    TooOld(Duration),
}

pub struct ServerState {
    /// 0 waiting, 1 connecting, 2 connected, 3 lost, 4 stopped.
    pub connection: u32,
    pub changed_ns: i64,
    pub error_ns: i64,
    pub certificate_ends_ns: i64,
    pub own_certificate_ends_ns: i64,
    pub request_limit: u32,
    /// The last failure. It stays after a reconnect.
    pub error: String,
}

/// One whole poll of a group.
pub struct Snapshot {
    pub group: usize,
    pub published: u32,
    pub connection: u32,
    pub cycle: u64,
    pub requested_ns: i64,
    pub published_ns: i64,
    pub last_good_ns: i64,
    pub duration_ns: i64,
    pub journal_position: u64,
    directory: Arc<Directory>,
    bank: Vec<u8>,
}

#[derive(Clone)]
pub struct Reading {
    pub point: Arc<Point>,
    pub value: Value,
    /// Built-in type of the value, 0 before the first one.
    pub kind: u8,
    pub status: u32,
    pub source_ns: i64,
    pub received_ns: i64,
}

impl Image {
    /// `name` lies in /dev/shm, or is an absolute path.
    pub fn open(name: impl AsRef<Path>) -> Result<Image, Error> {
        let map = Mapping::open(name.as_ref(), 512, b"CPCIMAGE", 2)?;
        let directory = Arc::new(Directory::read(&map)?);
        Ok(Image { map, directory })
    }

    pub fn point(&self, key: &str) -> Option<Arc<Point>> {
        self.by_key.get(key).map(|&index| Arc::clone(&self.points[index]))
    }

    pub fn snapshot(&self, group: usize) -> Result<Snapshot, Error> {
        self.snapshot_with(group, true)
    }

    /// Without the check for the proof that it is needed.
    #[doc(hidden)]
    pub fn snapshot_with(&self, group: usize, check: bool) -> Result<Snapshot, Error> {
        let Group { block, banks, bank_bytes, .. } = *self.groups.get(group).ok_or(Error::Elsewhere)?;
        let (published, bank) = self.copy(block, banks, bank_bytes, check)?;
        Ok(Snapshot {
            group,
            published,
            connection: u32_at(&bank, 0),
            cycle: u64_at(&bank, 8),
            requested_ns: u64_at(&bank, 16) as i64,
            published_ns: u64_at(&bank, 24) as i64,
            last_good_ns: u64_at(&bank, 32) as i64,
            duration_ns: u64_at(&bank, 40) as i64,
            journal_position: u64_at(&bank, 48),
            directory: Arc::clone(&self.directory),
            bank,
        })
    }

    pub fn server_state(&self, server: usize) -> Result<ServerState, Error> {
        let server = self.servers.get(server).ok_or(Error::Elsewhere)?;
        let (_, bank) = self.copy(server.block, server.banks, self.state_bytes, true)?;
        let error = &bank[48..48 + u32_at(&bank, 4).min(448) as usize];
        Ok(ServerState {
            connection: u32_at(&bank, 0),
            changed_ns: u64_at(&bank, 8) as i64,
            error_ns: u64_at(&bank, 16) as i64,
            certificate_ends_ns: u64_at(&bank, 24) as i64,
            own_certificate_ends_ns: u64_at(&bank, 32) as i64,
            request_limit: u32_at(&bank, 40),
            error: String::from_utf8_lossy(error).into_owned(),
        })
    }

    /// Steps 7 to 10. The fence keeps every byte of the copy before the load of `begun`.
    fn copy(&self, block: u64, banks: u64, bank_bytes: u64, check: bool) -> Result<(u32, Vec<u8>), Error> {
        let mut bank = vec![0; bank_bytes as usize];
        for _ in 0..ATTEMPTS {
            let published = self.map.u32(block + 4);
            self.map.copy(banks + u64::from(published & 1) * bank_bytes, &mut bank);
            fence(Ordering::Acquire);
            if !check || self.map.u32(block).wrapping_sub(published) <= 1 {
                return Ok((published, bank));
            }
        }
        Err(Error::Overtaken)
    }

    pub fn counters(&self) -> [u64; 16] {
        self.words(SERVICE_COUNTERS)
    }

    pub fn server_counters(&self, server: usize) -> Result<[u64; 16], Error> {
        self.servers.get(server).map(|server| self.words(server.block + COUNTERS)).ok_or(Error::Elsewhere)
    }

    pub fn group_counters(&self, group: usize) -> Result<[u64; 16], Error> {
        self.groups.get(group).map(|group| self.words(group.block + COUNTERS)).ok_or(Error::Elsewhere)
    }

    fn words(&self, at: u64) -> [u64; 16] {
        std::array::from_fn(|index| self.map.u64(at + 8 * index as u64))
    }

    /// How long polls took; from source time to response; from response to publication. Element i counts from 2^(i/4) µs.
    pub fn histograms(&self, group: usize) -> Result<[[u32; 112]; 3], Error> {
        let at = self.groups.get(group).ok_or(Error::Elsewhere)?.block + HISTOGRAMS;
        Ok([0, 1, 2]
            .map(|which| std::array::from_fn(|index| self.map.u32(at + which * HISTOGRAM_BYTES + 4 * index as u64))))
    }

    /// Grows by one with every publication, modulo 2^32.
    pub fn publications(&self) -> u32 {
        self.map.u32(PUBLICATIONS)
    }

    pub fn is_retired(&self) -> bool {
        self.map.u32(STATE) != LIVE
    }

    pub fn heartbeat_ns(&self) -> i64 {
        self.map.u64(HEARTBEAT) as i64
    }

    pub fn has_writer(&self) -> Result<bool, Error> {
        self.map.is_locked()
    }

    /// Yes, or why not. Call it after the snapshot: what the writer did before it died is then known.
    pub fn usable(&self, reading: &Reading, wanted: Wanted) -> Result<(), Unusable> {
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        if !self.has_writer().unwrap_or(false) {
            return Err(Unusable::WriterDead);
        }
        let is_own = self.points.get(reading.point.index).is_some_and(|own| Arc::ptr_eq(own, &reading.point));
        if self.is_retired() || !is_own {
            return Err(Unusable::Retired);
        }
        let limit_ns = (3_000_000 * u64::from(self.interval_ms)).max(5_000_000_000);
        if now_ns.abs_diff(self.heartbeat_ns()) > limit_ns {
            return Err(Unusable::WriterHangs);
        }
        if reading.status >> 30 > u32::from(wanted.accept_uncertain) {
            return Err(Unusable::Status(reading.status));
        }
        let age = Duration::from_nanos(now_ns.saturating_sub(reading.received_ns).max(0) as u64);
        if age > wanted.max_age {
            return Err(Unusable::TooOld(age));
        }
        Ok(())
    }
}

impl Snapshot {
    pub fn reading(&self, point: &Arc<Point>) -> Result<Reading, Error> {
        let own = self.directory.points.get(point.index).ok_or(Error::Elsewhere)?;
        if !Arc::ptr_eq(own, point) || point.group != self.group {
            return Err(Error::Elsewhere);
        }
        let group = &self.directory.groups[self.group];
        let number = (point.index - group.first_point) as u64;
        let record = &self.bank[(self.directory.poll_bytes + number * self.directory.record_bytes) as usize..];
        let room = match point.capacity_bytes as usize {
            0 => &[],
            bytes => &self.bank[point.room as usize..][..bytes],
        };
        let (kind, shape) = (record[28], record[29]);
        Ok(Reading {
            point: Arc::clone(point),
            value: decode(kind, shape, u64_at(record, 0).to_le_bytes(), room),
            kind,
            status: u32_at(record, 24),
            source_ns: u64_at(record, 8) as i64,
            received_ns: u64_at(record, 16) as i64,
        })
    }

    /// Of all points of the group, in their order.
    pub fn readings(&self) -> impl Iterator<Item = Reading> + '_ {
        let group = &self.directory.groups[self.group];
        self.directory.points[group.points()].iter().filter_map(|point| self.reading(point).ok())
    }
}

/// The image under a name, whichever generation it is.
pub struct Reader {
    /// A writer that was killed wakes nobody: after this time asleep the name is checked again. 200 ms from the start.
    pub longest_sleep: Duration,
    name: PathBuf,
    image: Option<Image>,
    seen: Option<u32>,
    woken: Option<u32>,
}

impl Reader {
    pub fn new(name: impl AsRef<Path>) -> Reader {
        let longest_sleep = Duration::from_millis(200);
        Reader { longest_sleep, name: name.as_ref().to_path_buf(), image: None, seen: None, woken: None }
    }

    /// Opened again when the name leads elsewhere; an error when it leads nowhere.
    pub fn image(&mut self) -> Result<&Image, Error> {
        let stays = self.image.as_ref().is_some_and(|image| matches!(image.map.moved(), Ok(false)));
        if !stays {
            (self.image, self.seen, self.woken) = (None, None, None);
            self.image = Some(Image::open(&self.name)?);
        }
        self.image.as_ref().ok_or(Error::Missing)
    }

    /// Sleeps until there is news since the last time: a publication, a retirement, another image. False when there was none.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let start = Instant::now();
        loop {
            let publications = self.image().ok().map(Image::publications);
            if publications.is_some() && publications != self.seen {
                self.seen = publications;
                return true;
            }
            let left = timeout.saturating_sub(start.elapsed()).min(self.longest_sleep);
            if left.is_zero() {
                return false;
            }
            match (&self.image, publications) {
                (Some(Image { map, .. }), Some(value)) => {
                    if map.sleep(PUBLICATIONS, value, left) {
                        let now = Some(map.u32(PUBLICATIONS));
                        if self.woken != now {
                            map.wake(PUBLICATIONS);
                        }
                        self.woken = now;
                    }
                }
                _ => sleep(left),
            }
        }
    }
}
