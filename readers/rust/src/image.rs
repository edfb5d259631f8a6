//! An image, the name under which it lies, and what a group holds: docs/process-image.md, "Reading, step by step" and "Is a value usable?".

use std::borrow::Cow;
use std::io::{ErrorKind, Result};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::mapping::{attempt, require, Mapping};
use crate::tables::*;

const PUBLICATIONS: usize = 100;
const COUNTERS: usize = 64;
const HISTOGRAMS: u32 = 192;
const GROUP_BLOCK: u32 = HISTOGRAMS + 3 * 448;

/// One generation of an image: its directory, which never changes, and the way to what does.
pub struct Image {
    pub servers: Vec<Server>,
    pub groups: Vec<Group>,
    pub points: Vec<Point>,
    sizes: [usize; 7],
    head: Vec<u8>,
    map: Mapping,
    /// For the proof that the check of a copy is needed.
    #[doc(hidden)]
    pub is_unchecked: bool,
}

impl Image {
    /// `name` lies in /dev/shm, or is an absolute path.
    pub fn open(name: &str) -> Result<Arc<Image>> {
        let map = Mapping::open(name, 512, b"CPCIMAGE", 2)?;
        let header: Header = view(&map.copy(0, 264));
        let minor = (header.version & 0xffff).min(2) as usize;
        let least = [264, 48, 40, [48, 56, 64][minor], 496, 56, 32];
        let sizes = header.sizes.map(|size| size as usize);
        require(sizes.iter().zip(least).all(|(size, least)| *size >= least && size % 8 == 0), "a size is too small")?;
        require(header.image_bytes <= map.bytes as u64, "the image ends outside of its file")?;
        let tables = header.tables.map(|table| table.map(|number| number as usize));
        let steps = [sizes[1], sizes[2], sizes[3], 1];
        let ends = [0, 1, 2, 3].map(|table| tables[table][0] + tables[table][1] * steps[table]);
        let head_bytes = ends.into_iter().fold(sizes[0], usize::max);
        require(head_bytes as u64 <= header.image_bytes, "a table lies outside of the image")?;
        let head = map.copy(0, head_bytes.next_multiple_of(8));
        let servers: Vec<Server> = rows(&head, tables[0], sizes[1], least[1]);
        let groups: Vec<Group> = rows(&head, tables[1], sizes[2], least[2]);
        let mut points: Vec<Point> = rows(&head, tables[2], sizes[3], least[3]);

        // Texts do not overlap: all together are no longer than their table. But points share the texts of an enumeration.
        let texts = servers.iter().flat_map(|row| [row.alias, row.connection_key, row.connection_description]);
        let texts = texts.chain(groups.iter().map(|row| row.name));
        let texts = texts.chain(points.iter().flat_map(|row| [row.key, row.description, row.unit, row.source]));
        let texts = texts.chain(points.iter().map(|row| row.enumeration).collect::<std::collections::HashSet<_>>());
        let mut text_bytes = 0;
        for (start, bytes) in texts.map(|text| (text.offset as usize, text.bytes as usize)) {
            text_bytes += bytes;
            let is_inside = bytes == 0 || start >= tables[3][0] && start + bytes <= ends[3];
            require(is_inside && text_bytes <= tables[3][1], "a text lies outside of the texts")?;
        }
        let ranges = servers.iter().map(|server| (server.first_group, server.group_count));
        require(own(ranges, groups.iter().map(|group| group.server)), "the groups do not follow one another")?;
        let ranges = groups.iter().map(|group| (group.first_point, group.point_count));
        require(own(ranges, points.iter().map(|point| point.group)), "the points do not follow one another")?;
        let blocks = servers.iter().map(|row| [row.block, HISTOGRAMS, row.banks, header.sizes[4]]);
        let blocks = blocks.chain(groups.iter().map(|row| [row.block, GROUP_BLOCK, row.banks, row.bank_bytes]));
        for [block, bytes, banks, bank_bytes] in blocks.map(|block| block.map(u64::from)) {
            let is_aligned = block % 64 == 0 && banks % 8 == 0 && bank_bytes % 8 == 0;
            let is_inside = block + bytes <= banks && banks + 2 * bank_bytes <= header.image_bytes;
            require(is_aligned && is_inside, "a block lies outside of the image")?;
        }
        for group in &groups {
            let own = &mut points[group.first_point as usize..][..group.point_count as usize];
            // Rooms do not overlap either.
            let capacity = own.iter().map(|point| point.capacity_bytes as usize).sum();
            let ends = own.iter().map(|point| point.room as usize + point.capacity_bytes as usize);
            let mut ends = ends.chain([capacity, sizes[5] + own.len() * sizes[6]]);
            require(ends.all(|end| end <= group.bank_bytes as usize), "a record or a room lies outside of its bank")?;
            if minor == 0 {
                let first = groups[servers[group.server as usize].first_group as usize].first_point;
                own.iter_mut().zip(group.first_point - first..).for_each(|(point, at)| point.server_position = at);
            }
        }
        Ok(Arc::new(Image { servers, groups, points, sizes, head, map, is_unchecked: false }))
    }

    /// A text of this image's tables.
    pub fn text(&self, text: Text) -> Cow<'_, str> {
        let bytes = self.head.get(text.offset as usize..).and_then(|bytes| bytes.get(..text.bytes as usize));
        String::from_utf8_lossy(bytes.unwrap_or_default())
    }

    /// As it is now: counters, state, heartbeat. `services`: of the partition, bit `service - 1` for each; 0: the writer does not tell.
    pub fn header(&self) -> Header {
        let header: Header = view(&self.map.copy(0, 264));
        let services = if header.version & 0xffff < 3 { 0 } else { header.services };
        Header { services, ..header }
    }

    /// The number of a point, which it keeps as long as the image is the same.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.points.iter().position(|point| self.text(point.key) == key)
    }

    /// The point of a change of the same run of the writer, if its number means the same in this image.
    pub fn point_of(&self, change: &crate::Change) -> Option<&Point> {
        let Header { points_since, generation, .. } = self.header();
        let is_same = (points_since..=generation).contains(&change.record.generation);
        self.points.get(change.record.point as usize).filter(|_| is_same)
    }

    pub fn server_state(&self, server: usize) -> Result<ServerState> {
        let server = self.servers.get(server).ok_or(ErrorKind::InvalidInput)?;
        let (_, bank) = self.copy(server.block, server.banks, self.sizes[4])?;
        Ok(view(&[self.map.copy(server.block as usize + COUNTERS, 128), bank].concat()))
    }

    /// Counters and histograms of a group.
    pub fn statistics(&self, group: usize) -> Result<Statistics> {
        let group = self.groups.get(group).ok_or(ErrorKind::InvalidInput)?;
        Ok(view(&self.map.copy(group.block as usize + COUNTERS, GROUP_BLOCK as usize - COUNTERS)))
    }

    pub fn snapshot(self: &Arc<Image>, group: usize) -> Result<Snapshot> {
        let own = *self.groups.get(group).ok_or(ErrorKind::InvalidInput)?;
        let (published, bank) = self.copy(own.block, own.banks, own.bank_bytes as usize)?;
        Ok(Snapshot { group: own, published, poll: view(&bank), image: Arc::clone(self), bank })
    }

    /// Steps 7 to 10.
    fn copy(&self, block: u32, banks: u32, bytes: usize) -> Result<(u32, Vec<u8>)> {
        attempt(|| {
            let published: u32 = self.map.load(block as usize + 4);
            let bank = self.map.copy(banks as usize + (published & 1) as usize * bytes, bytes);
            let is_whole = self.is_unchecked || self.map.load::<u32>(block as usize).wrapping_sub(published) <= 1;
            Ok(is_whole.then_some((published, bank)))
        })
    }
}

impl ServerState {
    /// The last failure. It stays after a reconnect.
    pub fn error(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.error[..448.min(self.error_bytes as usize)])
    }
}

/// What an entry has behind the bytes of its version is 0.
fn rows<T: Copy>(head: &[u8], [table, count]: [usize; 2], step: usize, bytes: usize) -> Vec<T> {
    (0..count).map(|index| view(&head[table + index * step..][..bytes])).collect()
}

/// Ranges that follow one another, up to the last of what they own, each of which names its owner.
fn own(ranges: impl Iterator<Item = (u32, u32)> + Clone, owners: impl Iterator<Item = u32>) -> bool {
    let sums = ranges.clone().scan(0, |sum, (_, count)| Some(std::mem::replace(sum, *sum + u64::from(count))));
    let owned = ranges.clone().zip(0..).flat_map(|((_, count), owner)| (0..count).map(move |_| owner));
    ranges.map(|(first, _)| u64::from(first)).eq(sums) && owned.eq(owners)
}

/// One whole poll of a group.
pub struct Snapshot {
    pub group: Group,
    pub published: u32,
    pub poll: Poll,
    image: Arc<Image>,
    bank: Vec<u8>,
}

pub struct Reading<'a> {
    pub point: &'a Point,
    pub value: Value,
    /// Its type, status and times.
    pub record: Record,
    image: &'a Image,
}

impl Snapshot {
    /// Of all points of the group, in their order.
    pub fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        let first = self.group.first_point as usize;
        (first..first + self.group.point_count as usize).filter_map(|point| self.reading(point).ok())
    }

    /// By the number of a point of this group, in the image of this snapshot.
    pub fn reading(&self, point: usize) -> Result<Reading<'_>> {
        let number = point.wrapping_sub(self.group.first_point as usize);
        let point = self.image.points.get(point).filter(|_| number < self.group.point_count as usize);
        let (image, point) = (&*self.image, point.ok_or(ErrorKind::InvalidInput)?);
        let record: Record = view(&self.bank[image.sizes[5] + number * image.sizes[6]..]);
        let room = &self.bank[point.room as usize..][..point.capacity_bytes as usize];
        let value = decode(record.type_number, record.shape, record.slot, room);
        Ok(Reading { point, value, record, image })
    }
}

impl Reading<'_> {
    /// Yes, or why not: the first reason that holds. It asks after the snapshot: what the writer did before it died is then known.
    pub fn usable(&self, max_age: Duration, accept_uncertain: bool) -> std::result::Result<(), &'static str> {
        let Header { state, interval_ms, heartbeat_ns, .. } = self.image.header();
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        let distance = |ns: i64| Duration::from_nanos(now_ns.abs_diff(ns));
        let longest_silence = Duration::from_millis(3 * u64::from(interval_ms)).max(Duration::from_secs(5));
        let reasons = [
            (!self.image.map.is_locked(), "the writer is dead"),
            (state != 1, "the image is retired"),
            (distance(heartbeat_ns) > longest_silence, "the writer hangs"),
            (self.record.status >> 30 > 1, "the status is bad"),
            (self.record.status >> 30 == 1 && !accept_uncertain, "the status is uncertain"),
            (distance(self.record.received_ns) > max_age, "the value is too old"),
        ];
        reasons.into_iter().find(|(holds, _)| *holds).map_or(Ok(()), |(_, why)| Err(why))
    }
}

/// The image under a name, whichever generation it is.
pub struct Reader {
    /// A writer that was killed wakes nobody: after this time asleep the name is checked again. 200 ms from the start.
    pub longest_sleep: Duration,
    name: String,
    image: Option<Arc<Image>>,
    seen: Option<u32>,
}

impl Reader {
    pub fn new(name: &str) -> Reader {
        Reader { longest_sleep: Duration::from_millis(200), name: name.into(), image: None, seen: None }
    }

    /// Opened again when the name leads elsewhere; an error when it leads nowhere.
    pub fn image(&mut self) -> Result<Arc<Image>> {
        if let Some(image) = self.image.as_ref().filter(|image| matches!(image.map.moved(), Ok(false))) {
            return Ok(Arc::clone(image));
        }
        (self.image, self.seen) = (None, None);
        Ok(Arc::clone(self.image.insert(Image::open(&self.name)?)))
    }

    /// Sleeps until there is news since the last time: a publication, a retirement, another image. False when there was none.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed()).min(self.longest_sleep);
            if let Ok(image) = self.image() {
                let now = image.map.load(PUBLICATIONS);
                if self.seen.replace(now) != Some(now) {
                    return true;
                }
                image.map.sleep(PUBLICATIONS, now, left);
            } else {
                std::thread::sleep(left);
            }
            if left.is_zero() {
                return false;
            }
        }
    }
}
