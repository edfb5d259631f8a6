//! Values and how they lie in a record and in its room: docs/process-image.md, "Values".

use crate::tables::text;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Also no value, and one of a type that this reader does not know.
    #[default]
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
            let dimensions: Vec<u32> = bytes.chunks_exact(4).take(rank).map(|bytes| unsigned(bytes) as u32).collect();
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
        let length = unsigned(bytes.get(..4)?) as usize;
        let element = bytes.get(4..4 + if length == NULL { 0 } else { length })?;
        bytes = bytes.get(4 + element.len().next_multiple_of(4)..).unwrap_or_default();
        Some(if length == NULL { Value::Null } else { scalar(kind, element) })
    };
    std::iter::from_fn(next).take(count).collect()
}

fn scalar(kind: u8, bytes: &[u8]) -> Value {
    match kind {
        1 => Value::Boolean(bytes != [0]),
        2 | 4 | 6 | 8 | 13 => {
            Value::Signed((unsigned(bytes) << (64 - 8 * bytes.len())) as i64 >> (64 - 8 * bytes.len()))
        }
        3 | 5 | 7 | 9 | 19 => Value::Unsigned(unsigned(bytes)),
        10 => Value::Float(f32::from_bits(unsigned(bytes) as u32)),
        11 => Value::Double(f64::from_bits(unsigned(bytes))),
        15 => Value::Bytes(bytes.to_vec()),
        _ => Value::Text(text(bytes)),
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().rfold(0, |wide, byte| wide << 8 | u64::from(*byte))
}
