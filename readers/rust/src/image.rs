//! An image and the name under which it lies: docs/process-image.md, "Open" and "Sleep until the next publication".

use std::collections::{HashMap, HashSet};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::mapping::{require, Mapping};
use crate::tables::{bytes_of, text, Change, Field, Group, Header, Point, Server, ServerState, Statistics};

const PUBLICATIONS: usize = 100;
const HISTOGRAMS: usize = 192;
const GROUP_BLOCK: usize = HISTOGRAMS + 3 * 448;

/// One generation of an image: its directory, which never changes, and the way to what does.
pub struct Image {
    pub servers: Vec<Server>,
    pub groups: Vec<Group>,
    pub points: Vec<Point>,
    pub(crate) sizes: [usize; 7],
    pub(crate) map: Mapping,
}

impl Image {
    /// `name` lies in /dev/shm, or is an absolute path.
    pub fn open(name: impl AsRef<Path>) -> Result<Arc<Image>> {
        let map = Mapping::open(name.as_ref(), 512, b"CPCIMAGE", 2)?;
        let Header { version, sizes, image_bytes, tables, .. } = Field::get(&map.copy(0, 264), 0);
        let minor = (version & 0xffff).min(2) as usize;
        let least = [264, 48, 40, [48, 56, 64][minor], 496, 56, 32];
        let known = sizes.iter().zip(least).all(|(size, least)| *size >= least && size % 8 == 0);
        require(known, "a size is smaller than in its version")?;
        require(image_bytes <= map.bytes as u64, "the image ends outside of its file")?;
        let (end, steps) = (image_bytes as usize, [sizes[1], sizes[2], sizes[3], 1]);
        let ends = [0, 1, 2, 3].map(|which| tables[which][0] + tables[which][1] * steps[which]);
        let head_bytes = ends.into_iter().fold(sizes[0], usize::max);
        require(head_bytes <= end, "a table lies outside of the image")?;
        let head = map.copy(0, head_bytes.next_multiple_of(8));
        // Texts do not overlap: all together are no longer than what holds them. But points share the texts of an enumeration.
        let enumeration_of = |index: usize| <[usize; 2]>::get(&head, tables[2][0] + index * steps[2] + 56);
        let with_enumeration = if minor >= 2 { tables[2][1] } else { 0 };
        let shared: HashSet<[usize; 2]> = (0..with_enumeration).map(enumeration_of).collect();
        let ([text_table, text_bytes], text_end) = (tables[3], ends[3]);
        let places = |which: usize, texts: usize| {
            let ([table, count], step) = (tables[which], steps[which]);
            (0..count * texts).map(move |n| table + n / texts * step + n % texts * 8)
        };
        let texts = places(0, 3).chain(places(1, 1)).chain(places(2, 4)).map(|at| <[usize; 2]>::get(&head, at));
        let texts = texts.chain(shared.iter().copied());
        let inside = |[at, length]: [usize; 2]| length == 0 || at >= text_table && at + length <= text_end;
        let fit = texts.clone().all(inside) && texts.map(|[_, length]| length).sum::<usize>() <= text_bytes;
        require(fit, "a text lies outside of the texts")?;
        let servers: Vec<Server> = entries(&head, tables[0], steps[0]);
        let groups: Vec<Group> = entries(&head, tables[1], steps[1]);
        let mut points: Vec<Point> = entries(&head, tables[2], steps[2]);

        let ranges = servers.iter().map(|server| (server.first_group, server.group_count));
        require(own(ranges, groups.iter().map(|group| group.server)), "the groups do not follow one another")?;
        let ranges = groups.iter().map(|group| (group.first_point, group.point_count));
        require(own(ranges, points.iter().map(|point| point.group)), "the points do not follow one another")?;
        let blocks = servers.iter().map(|server| (server.block, HISTOGRAMS, server.banks, sizes[4]));
        let blocks = blocks.chain(groups.iter().map(|group| (group.block, GROUP_BLOCK, group.banks, group.bank_bytes)));
        for (block, bytes, banks, bank_bytes) in blocks {
            let aligned = block % 64 == 0 && banks % 8 == 0 && bank_bytes % 8 == 0;
            let inside = block + bytes <= banks && banks + 2 * bank_bytes <= end;
            require(aligned && inside, "a block lies outside of the image")?;
        }
        let fits = |group: &Group| sizes[5] + group.point_count * sizes[6] <= group.bank_bytes;
        require(groups.iter().all(fits), "a record lies outside of its bank")?;
        let read = |extent: &[usize; 2]| (*extent, Arc::new(text(&bytes_of(&head)[extent[0]..extent[0] + extent[1]])));
        let shared: HashMap<[usize; 2], Arc<String>> = shared.iter().filter(|extent| extent[1] > 0).map(read).collect();
        // Rooms do not overlap either.
        let mut rooms = vec![0; groups.len()];
        for (index, point) in points.iter_mut().enumerate() {
            let group = &groups[point.group];
            rooms[point.group] += point.capacity_bytes;
            let end = rooms[point.group].max(point.room + point.capacity_bytes);
            require(end <= group.bank_bytes, "a room lies outside of its bank")?;
            if minor == 0 {
                point.server_position = index - groups[servers[group.server].first_group].first_point;
            }
            point.index = index;
            let enumeration = shared.get(&enumeration_of(index)).filter(|_| minor >= 2);
            point.enumeration = enumeration.cloned().unwrap_or_default();
        }
        Ok(Arc::new(Image { servers, groups, points, sizes, map }))
    }

    /// As it is now: counters, state, heartbeat.
    pub fn header(&self) -> Header {
        Field::get(&self.map.copy(0, 264), 0)
    }

    pub fn has_writer(&self) -> bool {
        self.map.is_locked()
    }

    pub fn point(&self, key: &str) -> Option<&Point> {
        self.points.iter().find(|point| point.key == key)
    }

    /// The point of a change of the same run of the writer, if its number means the same in this image.
    pub fn point_of(&self, change: &Change) -> Option<&Point> {
        let Header { points_since, generation, .. } = self.header();
        self.points.get(change.point).filter(|_| (points_since..=generation).contains(&change.generation))
    }

    pub fn server_state(&self, server: usize) -> Result<ServerState> {
        let &Server { block, banks, .. } = self.servers.get(server).ok_or_else(elsewhere)?;
        let (_, bank) = self.copy(block, banks, self.sizes[4], true)?;
        let error = text(&bytes_of(&bank)[48..48 + usize::get(&bank, 4).min(448)]);
        Ok(ServerState { error, counters: Field::get(&self.map.copy(block + 64, 128), 0), ..Field::get(&bank, 0) })
    }

    /// Counters and histograms of a group.
    pub fn statistics(&self, group: usize) -> Result<Statistics> {
        let group = self.groups.get(group).ok_or_else(elsewhere)?;
        Ok(Field::get(&self.map.copy(group.block, GROUP_BLOCK), 0))
    }
}

fn entries<T: Field>(head: &[u64], [table, count]: [usize; 2], step: usize) -> Vec<T> {
    (0..count).map(|index| T::get(head, table + index * step)).collect()
}

/// Ranges that follow one another, up to the last of what they own, each of which names its owner.
fn own(ranges: impl Iterator<Item = (usize, usize)> + Clone, owners: impl Iterator<Item = usize>) -> bool {
    let sums = ranges.clone().scan(0, |sum, (_, count)| Some(std::mem::replace(sum, *sum + count)));
    let owned = ranges.clone().enumerate().flat_map(|(owner, (_, count))| std::iter::repeat(owner).take(count));
    ranges.map(|(first, _)| first).eq(sums) && owned.eq(owners)
}

pub(crate) fn elsewhere() -> Error {
    Error::new(ErrorKind::InvalidInput, "not of this image or snapshot: look it up again")
}

/// The image under a name, whichever generation it is.
pub struct Reader {
    /// A writer that was killed wakes nobody: after this time asleep the name is checked again. 200 ms from the start.
    pub longest_sleep: Duration,
    name: PathBuf,
    image: Option<Arc<Image>>,
    seen: Option<u32>,
}

impl Reader {
    pub fn new(name: impl AsRef<Path>) -> Reader {
        Reader { longest_sleep: Duration::from_millis(200), name: name.as_ref().into(), image: None, seen: None }
    }

    /// Opened again when the name leads elsewhere; an error when it leads nowhere.
    pub fn image(&mut self) -> Result<Arc<Image>> {
        if !self.image.as_ref().is_some_and(|image| matches!(image.map.moved(), Ok(false))) {
            (self.image, self.seen) = (None, None);
            self.image = Some(Image::open(&self.name)?);
        }
        self.image.clone().ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Sleeps until there is news since the last time: a publication, a retirement, another image. False when there was none.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let start = Instant::now();
        loop {
            let image = self.image();
            let now = image.as_ref().ok().map(|image| image.map.u32(PUBLICATIONS));
            if now.is_some() && now != self.seen {
                self.seen = now;
                return true;
            }
            let left = timeout.saturating_sub(start.elapsed()).min(self.longest_sleep);
            match (image, now) {
                _ if left.is_zero() => return false,
                (Ok(image), Some(now)) => image.map.sleep(PUBLICATIONS, now, left),
                _ => std::thread::sleep(left),
            }
        }
    }
}
