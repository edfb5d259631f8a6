//! The tables of docs/process-image.md as they lie in memory, and "Values".

/// What no table names is called `reserved`, where no alignment leaves it out.
macro_rules! tables {
    ($($name:ident { $($field:ident: $type:ty),+ })+) => { $(
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name { $(pub $field: $type),+ }
    )+ };
}

tables! {
    Text { offset: u32, bytes: u32 }
    Header {
        magic: u64, version: u32, byte_order: u32, sizes: [u32; 7], service: u32, image_bytes: u64, tables: [[u32; 2]; 4],
        generation: u32, points_since: u32, state: u32, publications: u32, pid: u32, interval_ms: u32, started_ns: i64,
        heartbeat_ns: i64, counters: [u64; 16], ticks: u32, services: u32
    }
    Server {
        alias: Text, connection_key: Text, connection_description: Text,
        first_group: u32, group_count: u32, block: u32, banks: u32, security: u32
    }
    Group {
        name: Text, server: u32, first_point: u32, point_count: u32,
        block: u32, banks: u32, bank_bytes: u32, interval_ms: u32, acquisition: u32
    }
    Point {
        key: Text, description: Text, unit: Text, source: Text, type_number: u32, group: u32,
        capacity_bytes: u32, room: u32, server_position: u32, reserved: u32, enumeration: Text
    }
    ServerState {
        counters: [u64; 16], connection: u32, error_bytes: u32, changed_ns: i64, error_ns: i64,
        certificate_ends_ns: i64, own_certificate_ends_ns: i64, request_limit: u32, reserved: u32, error: [u8; 448]
    }
    Statistics { counters: [u64; 16], histograms: [[u32; 112]; 3] }
    Poll {
        connection: u32, cycle: u64, requested_ns: i64, published_ns: i64, last_good_ns: i64, duration_ns: i64,
        journal_position: u64
    }
    Record { slot: u64, source_ns: i64, received_ns: i64, status: u32, type_number: u8, shape: u8 }
    JournalHeader { head: [u64; 2], ring: u32, service: u32, ring_bytes: u64, started_ns: i64, first_position: u64 }
    JournalRecord {
        bytes: u32, kind: u8, type_number: u8, shape: u8, sequence: u64, point: u32, group: u32, generation: u32,
        status: u32, source_ns: i64, received_ns: i64, published_ns: i64, slot: u64
    }
}

/// The table, or the number, that lies in the bytes; what they do not hold of it is 0. Any bits make one.
pub(crate) fn view<T: Copy>(bytes: &[u8]) -> T {
    let mut table = std::mem::MaybeUninit::<T>::zeroed();
    let length = bytes.len().min(std::mem::size_of::<T>());
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), table.as_mut_ptr().cast(), length);
        table.assume_init()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Also no value, and one of a type that this reader does not know.
    Null,
    Boolean(bool),
    /// Also a DateTime, in steps of 100 ns since 1601-01-01 UTC.
    Signed(i64),
    Unsigned(u64),
    Float(f32),
    Double(f64),
    /// Also a Guid, and the JSON of a nested type.
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Value>),
    /// Dimensions, and elements row by row. A cut matrix has fewer than its dimensions say.
    Matrix(Vec<u32>, Vec<Value>),
}

/// Of an element, by its built-in type; 0 where it varies.
const SIZES: [usize; 26] = [0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0];
const NULL: usize = u32::MAX as usize;

/// `slot` is the field `value` of a record, `room` all that may be read of the point's room.
pub(crate) fn decode(kind: u8, shape: u8, slot: u64, room: &[u8]) -> Value {
    let Some(&size) = SIZES.get(usize::from(kind)).filter(|_| kind > 0) else { return Value::Null };
    let (length, count) = (slot as u32 as usize, (slot >> 32) as usize);
    let bytes = &room[..room.len().min(length)];
    match usize::from(shape) {
        0 if size > 0 => scalar(kind, &slot.to_le_bytes()[..size]),
        _ if length == NULL => Value::Null,
        0 => scalar(kind, bytes),
        1 => Value::Array(elements(kind, size, bytes, count)),
        rank => {
            let Some(behind) = bytes.get((4 * rank).next_multiple_of(8)..) else { return Value::Array(vec![]) };
            let dimensions: Vec<u32> = bytes.chunks_exact(4).take(rank).map(view).collect();
            let product = dimensions.iter().fold(1, |product: usize, &n| product.saturating_mul(n as usize));
            Value::Matrix(dimensions, elements(kind, size, behind, count.min(product)))
        }
    }
}

/// As many as there are, `count` at most.
fn elements(kind: u8, size: usize, mut bytes: &[u8], count: usize) -> Vec<Value> {
    if size > 0 {
        return bytes.chunks_exact(size).take(count).map(|element| scalar(kind, element)).collect();
    }
    let next = || {
        let length = view::<u32>(bytes.get(..4)?) as usize;
        let element = bytes.get(4..4 + if length == NULL { 0 } else { length })?;
        bytes = bytes.get(4 + element.len().next_multiple_of(4)..).unwrap_or_default();
        Some(if length == NULL { Value::Null } else { scalar(kind, element) })
    };
    std::iter::from_fn(next).take(count).collect()
}

fn scalar(kind: u8, bytes: &[u8]) -> Value {
    let (bits, unused) = (view::<u64>(bytes), 64 - 8 * bytes.len().min(8));
    match kind {
        1 => Value::Boolean(bits != 0),
        2 | 4 | 6 | 8 | 13 => Value::Signed((bits << unused) as i64 >> unused),
        3 | 5 | 7 | 9 | 19 => Value::Unsigned(bits),
        10 => Value::Float(f32::from_bits(bits as u32)),
        11 => Value::Double(f64::from_bits(bits)),
        15 => Value::Bytes(bytes.to_vec()),
        _ => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}
