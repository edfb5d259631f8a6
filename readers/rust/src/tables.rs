//! The tables of docs/process-image.md: the name of each field behind its offset. They are read from words that were copied.

use std::sync::Arc;

use crate::value::Value;

pub(crate) trait Field {
    const BYTES: usize = 0;
    /// A field that lies behind the words is 0.
    fn get(words: &[u64], at: usize) -> Self;
}

/// Behind a semicolon stands what is no field of the table.
macro_rules! tables {
    ($($name:ident { $($at:literal $field:ident: $type:ty),+ $(; $($other:ident: $other_type:ty),+)? })+) => { $(
        #[derive(Clone, Debug)]
        pub struct $name { $(pub $field: $type,)+ $($(pub $other: $other_type,)+)? }
        impl Field for $name {
            fn get(words: &[u64], at: usize) -> $name {
                $name { $($field: Field::get(words, at + $at),)+ $($($other: Default::default(),)+)? }
            }
        }
    )+ };
}

tables! {
    Header {
        8 version: u32, 16 sizes: [usize; 7], 44 service: u32, 48 image_bytes: u64, 56 tables: [[usize; 2]; 4],
        88 generation: u32, 92 points_since: u32, 96 state: u32, 100 publications: u32, 104 pid: u32,
        108 interval_ms: u32, 112 started_ns: i64, 120 heartbeat_ns: i64, 128 counters: [u64; 16], 256 ticks: u32
    }
    Server {
        0 alias: String, 8 connection_key: String, 16 connection_description: String,
        24 first_group: usize, 28 group_count: usize, 32 block: usize, 36 banks: usize, 40 security: u32
    }
    Group {
        0 name: String, 8 server: usize, 12 first_point: usize, 16 point_count: usize,
        20 block: usize, 24 banks: usize, 28 bank_bytes: usize, 32 interval_ms: u32, 36 acquisition: u32
    }
    Point {
        0 key: String, 8 description: String, 16 unit: String, 24 source: String, 32 kind: u32, 36 group: usize,
        40 capacity_bytes: usize, 44 room: usize, 48 server_position: usize; index: usize, enumeration: Arc<String>
    }
    Statistics { 64 counters: [u64; 16], 192 histograms: [[u32; 112]; 3] }
    ServerState {
        0 connection: u32, 8 changed_ns: i64, 16 error_ns: i64, 24 certificate_ends_ns: i64,
        32 own_certificate_ends_ns: i64, 40 request_limit: u32; error: String, counters: [u64; 16]
    }
    Poll {
        0 connection: u32, 8 cycle: u64, 16 requested_ns: i64, 24 published_ns: i64, 32 last_good_ns: i64,
        40 duration_ns: i64, 48 journal_position: u64
    }
    Change {
        5 kind: u8, 8 sequence: u64, 16 point: usize, 20 group: usize, 24 generation: u32, 28 status: u32,
        32 source_ns: i64, 40 received_ns: i64, 48 published_ns: i64; position: u64, value: Value, lost: u64
    }
}

macro_rules! numbers {
    ($($type:ident of $bytes:literal)+) => { $(
        impl Field for $type {
            const BYTES: usize = $bytes;
            fn get(words: &[u64], at: usize) -> $type {
                let word = words.get(at / 8).map_or(0, |word| word >> (8 * (at % 8)));
                (word << (64 - 8 * $bytes) >> (64 - 8 * $bytes)) as $type
            }
        }
    )+ };
}

// Offsets, counts and indices have 32 bits.
numbers! { u8 of 1 u32 of 4 usize of 4 u64 of 8 i64 of 8 }

impl<T: Field, const N: usize> Field for [T; N] {
    const BYTES: usize = N * T::BYTES;
    fn get(words: &[u64], at: usize) -> [T; N] {
        std::array::from_fn(|index| T::get(words, at + index * T::BYTES))
    }
}

impl Field for String {
    /// A text lies where its offset says.
    fn get(words: &[u64], at: usize) -> String {
        let [start, length]: [usize; 2] = Field::get(words, at);
        text(bytes_of(words).get(start..start + length).unwrap_or_default())
    }
}

pub(crate) fn bytes_of(words: &[u64]) -> &[u8] {
    unsafe { words.align_to().1 }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
