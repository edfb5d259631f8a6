//! Reads the process image and the journal of cpc-partition: docs/process-image.md, image version 2, journal version 1.
//! Nothing in here writes to shared memory, takes a lock, or panics at what an image holds.

mod image;
mod journal;
mod mapping;
mod snapshot;
mod tables;
mod value;

pub use image::{Image, Reader};
pub use journal::{Cursor, Journal, UNKNOWN};
pub use snapshot::{Reading, Snapshot, Unusable};
pub use tables::{Change, Group, Header, Point, Poll, Server, ServerState, Statistics};
pub use value::Value;
