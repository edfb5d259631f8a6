//! The header and the tables of an image, read and checked once: docs/process-image.md, "The image". They never change.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::mapping::Mapping;
use crate::Error;

/// The sizes of version 2.0, in the header's order: header, entry of a server, group, point, state of a server, poll header, record.
const SIZES: [u32; 7] = [264, 48, 40, 48, 496, 56, 32];

/// In a block: `begun` and `published`, 16 counters, and three histograms if it is a group's.
pub(crate) const COUNTERS: u64 = 64;
pub(crate) const HISTOGRAMS: u64 = COUNTERS + 16 * 8;
pub(crate) const HISTOGRAM_BYTES: u64 = 112 * 4;

pub struct Server {
    pub alias: String,
    pub connection_key: String,
    pub connection_description: String,
    pub first_group: usize,
    pub group_count: usize,
    /// 0 unknown, 1 insecure as configured, 2 secured.
    pub security: u32,
    pub(crate) block: u64,
    pub(crate) banks: u64,
}

impl Server {
    /// Indices in the image's groups.
    pub fn groups(&self) -> Range<usize> {
        self.first_group..self.first_group + self.group_count
    }
}

pub struct Group {
    /// Empty for the only group of a server.
    pub name: String,
    pub server: usize,
    pub first_point: usize,
    pub point_count: usize,
    pub interval_ms: u32,
    /// 0 polled.
    pub acquisition: u32,
    pub(crate) block: u64,
    pub(crate) banks: u64,
    pub(crate) bank_bytes: u64,
}

impl Group {
    /// Indices in the image's points.
    pub fn points(&self) -> Range<usize> {
        self.first_point..self.first_point + self.point_count
    }
}

/// A point of one image. Look it up again in the next one.
pub struct Point {
    pub key: String,
    pub description: String,
    pub unit: String,
    /// How the server knows it.
    pub source: String,
    /// Built-in type as configured or learned, 0 for unknown.
    pub kind: u32,
    pub group: usize,
    /// In the image; the number in its group is this less `first_point`.
    pub index: usize,
    pub capacity_bytes: u64,
    pub(crate) room: u64,
}

pub struct Directory {
    /// 1 OPC UA, 2 Modbus TCP.
    pub service: u32,
    pub generation: u32,
    pub points_since: u32,
    pub interval_ms: u32,
    pub started_ns: i64,
    pub servers: Vec<Server>,
    pub groups: Vec<Group>,
    pub points: Vec<Arc<Point>>,
    pub(crate) by_key: HashMap<String, usize>,
    pub(crate) state_bytes: u64,
    pub(crate) poll_bytes: u64,
    pub(crate) record_bytes: u64,
}

impl Directory {
    pub(crate) fn read(map: &Mapping) -> Result<Directory, Error> {
        let steps = [16, 20, 24, 28, 32, 36, 40].map(|at| map.u32(at));
        let known = steps.iter().zip(SIZES).all(|(step, size)| *step >= size && step % 8 == 0);
        require(known, "a step is smaller than in version 2.0")?;
        let [header_bytes, server_step, group_step, point_step, state_bytes, poll_bytes, record_bytes] =
            steps.map(u64::from);
        let end = map.u64(48);
        require(end >= header_bytes && end <= map.bytes, "the image ends outside of its file")?;
        let table = |at: u64, step: u64| {
            let (offset, count) = (u64::from(map.u32(at)), u64::from(map.u32(at + 4)));
            require(offset % 4 == 0 && offset + count * step <= end, "a table lies outside of the image")?;
            Ok((offset, count))
        };
        let (server_table, server_count) = table(56, server_step)?;
        let (group_table, group_count) = table(64, group_step)?;
        let (point_table, point_count) = table(72, point_step)?;
        let (text_table, text_bytes) = table(80, 1)?;
        let entry = |table: u64, index: u64, step: u64| Fields { map, at: table + index * step };
        // Texts and rooms do not overlap: all together, they are no longer than what holds them.
        let mut left = text_bytes;
        let mut text = |entry: &mut Fields| {
            let (at, length) = (entry.u64(), entry.u64());
            let inside = at >= text_table && at + length <= text_table + text_bytes && length <= left;
            require(inside || length == 0, "a text lies outside of the texts")?;
            left -= length;
            let at = if inside { at } else { text_table };
            Ok(String::from_utf8_lossy(&map.constant(at, length)).into_owned())
        };
        let require_block = |block: u64, bytes: u64, banks: u64, bank_bytes: u64| {
            let aligned = block % 64 == 0 && banks % 8 == 0 && bank_bytes % 8 == 0;
            let inside = block + bytes <= banks && banks + 2 * bank_bytes <= end;
            require(aligned && inside, "a block lies outside of the image")
        };

        let mut servers: Vec<Server> = Vec::new();
        let mut next = 0;
        for index in 0..server_count {
            let mut entry = entry(server_table, index, server_step);
            let server = Server {
                alias: text(&mut entry)?,
                connection_key: text(&mut entry)?,
                connection_description: text(&mut entry)?,
                first_group: entry.u64() as usize,
                group_count: entry.u64() as usize,
                block: entry.u64(),
                banks: entry.u64(),
                security: entry.u64() as u32,
            };
            require_block(server.block, HISTOGRAMS, server.banks, state_bytes)?;
            require(server.group_count == 0 || server.first_group == next, "the groups do not follow one another")?;
            next += server.group_count;
            servers.push(server);
        }
        require(next as u64 == group_count, "a group has no server")?;

        let mut groups: Vec<Group> = Vec::new();
        let mut next = 0;
        for index in 0..group_count {
            let mut entry = entry(group_table, index, group_step);
            let group = Group {
                name: text(&mut entry)?,
                server: entry.u64() as usize,
                first_point: entry.u64() as usize,
                point_count: entry.u64() as usize,
                block: entry.u64(),
                banks: entry.u64(),
                bank_bytes: entry.u64(),
                interval_ms: entry.u64() as u32,
                acquisition: entry.u64() as u32,
            };
            require_block(group.block, HISTOGRAMS + 3 * HISTOGRAM_BYTES, group.banks, group.bank_bytes)?;
            let owned = servers.get(group.server).is_some_and(|owner| owner.groups().contains(&(index as usize)));
            require(owned && group.first_point == next, "the points do not follow one another")?;
            next += group.point_count;
            let records = poll_bytes + group.point_count as u64 * record_bytes;
            require(records <= group.bank_bytes, "a record lies outside of its bank")?;
            groups.push(group);
        }
        require(next as u64 == point_count, "a point has no group")?;

        let mut points = Vec::new();
        let mut by_key = HashMap::new();
        let mut rooms: Vec<u64> = vec![0; groups.len()];
        for index in 0..point_count {
            let mut entry = entry(point_table, index, point_step);
            let point = Point {
                key: text(&mut entry)?,
                description: text(&mut entry)?,
                unit: text(&mut entry)?,
                source: text(&mut entry)?,
                kind: entry.u64() as u32,
                group: entry.u64() as usize,
                capacity_bytes: entry.u64(),
                room: entry.u64(),
                index: index as usize,
            };
            let owner = groups.get(point.group).filter(|group| group.points().contains(&point.index));
            let owner = owner.ok_or(Error::Corrupt("a point is not in its group"))?;
            rooms[point.group] += point.capacity_bytes;
            let fits = rooms[point.group].max(point.room + point.capacity_bytes) <= owner.bank_bytes;
            require(fits, "a room lies outside of its bank")?;
            let same = by_key.insert(point.key.clone(), point.index);
            require(same.is_none(), "two points have the same key")?;
            points.push(Arc::new(point));
        }
        let [generation, points_since] = [map.u32(88), map.u32(92)];
        let (interval_ms, started_ns) = (map.u32(108), map.u64(112) as i64);
        Ok(Directory {
            service: map.u32(44),
            generation,
            points_since,
            interval_ms,
            started_ns,
            servers,
            groups,
            points,
            by_key,
            state_bytes,
            poll_bytes,
            record_bytes,
        })
    }
}

/// The fields of 32 bits of a table, one after the other.
struct Fields<'a> {
    map: &'a Mapping,
    at: u64,
}

impl Fields<'_> {
    fn u64(&mut self) -> u64 {
        self.at += 4;
        self.map.u32(self.at - 4).into()
    }
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), Error> {
    holds.then_some(()).ok_or(Error::Corrupt(otherwise))
}
