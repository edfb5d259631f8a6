//! Values and how they lie in a record and in its room: docs/process-image.md, "Values".

/// A value. `Null` is also "no value" and a type that this reader does not know.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    /// SByte, Int16, Int32, Int64; DateTime in steps of 100 ns since 1601-01-01 UTC.
    Signed(i64),
    /// Byte, UInt16, UInt32, UInt64, StatusCode.
    Unsigned(u64),
    Float(f32),
    Double(f64),
    /// String, XmlElement, Guid; the JSON of a nested type.
    Text(String),
    /// ByteString.
    Bytes(Vec<u8>),
    Array(Vec<Value>),
    /// Row by row. A cut matrix has fewer elements than its dimensions say.
    Matrix {
        dimensions: Vec<u32>,
        elements: Vec<Value>,
    },
}

impl Value {
    /// The number nearest to a numeric scalar.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::Boolean(value) => Some(f64::from(u8::from(value))),
            Value::Signed(value) => Some(value as f64),
            Value::Unsigned(value) => Some(value as f64),
            Value::Float(value) => Some(f64::from(value)),
            Value::Double(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

const NULL: u32 = u32::MAX;

/// `slot` is the field `value` of the record, `room` all that may be read of the point's room.
pub(crate) fn decode(kind: u8, shape: u8, slot: [u8; 8], room: &[u8]) -> Value {
    let Some(size) = size_of(kind) else { return Value::Null };
    if shape == 0 && size > 0 {
        return fixed(kind, &slot[..size]);
    }
    let (length, count) = (u32_at(&slot, 0), u32_at(&slot, 4) as usize);
    if length == NULL {
        return Value::Null;
    }
    let bytes = &room[..room.len().min(length as usize)];
    match shape {
        0 => varying(kind, bytes),
        1 => Value::Array(elements(kind, size, bytes, count)),
        rank => matrix(kind, size, bytes, count, usize::from(rank)),
    }
}

/// The bytes of one element; 0 for a type of varying size.
fn size_of(kind: u8) -> Option<usize> {
    match kind {
        1..=3 => Some(1),
        4 | 5 => Some(2),
        6 | 7 | 10 | 19 => Some(4),
        8 | 9 | 11 | 13 => Some(8),
        12 | 14..=18 | 20..=25 => Some(0),
        _ => None,
    }
}

fn fixed(kind: u8, bytes: &[u8]) -> Value {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(wide);
    let unused = 64 - 8 * bytes.len() as u32;
    match kind {
        1 => Value::Boolean(unsigned != 0),
        2 | 4 | 6 | 8 | 13 => Value::Signed((unsigned << unused) as i64 >> unused),
        10 => Value::Float(f32::from_bits(unsigned as u32)),
        11 => Value::Double(f64::from_bits(unsigned)),
        _ => Value::Unsigned(unsigned),
    }
}

fn varying(kind: u8, bytes: &[u8]) -> Value {
    match kind {
        15 => Value::Bytes(bytes.to_vec()),
        _ => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// As many as there are, `count` at most.
fn elements(kind: u8, size: usize, bytes: &[u8], count: usize) -> Vec<Value> {
    if size > 0 {
        return bytes.chunks_exact(size).take(count).map(|element| fixed(kind, element)).collect();
    }
    let mut values = Vec::new();
    let mut rest = bytes;
    while values.len() < count && rest.len() >= 4 {
        let length = u32_at(rest, 0);
        rest = &rest[4..];
        if length == NULL {
            values.push(Value::Null);
            continue;
        }
        let Some(element) = rest.get(..length as usize) else { break };
        values.push(varying(kind, element));
        rest = &rest[rest.len().min(element.len().next_multiple_of(4))..];
    }
    values
}

fn matrix(kind: u8, size: usize, bytes: &[u8], count: usize, rank: usize) -> Value {
    let Some(behind) = bytes.get((4 * rank).next_multiple_of(8)..) else {
        return Value::Array(Vec::new());
    };
    let dimensions: Vec<u32> = (0..rank).map(|index| u32_at(bytes, 4 * index)).collect();
    let product = dimensions.iter().fold(1, |product: usize, &n| product.saturating_mul(n as usize));
    let elements = elements(kind, size, behind, count.min(product));
    Value::Matrix { dimensions, elements }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u64_at_most(bytes, at, 4) as u32
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64_at_most(bytes, at, 8)
}

fn u64_at_most(bytes: &[u8], at: usize, size: usize) -> u64 {
    let mut word = [0; 8];
    word[..size].copy_from_slice(&bytes[at..at + size]);
    u64::from_le_bytes(word)
}
