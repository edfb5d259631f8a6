//! Reads the process image and the journal of cpc-partition: docs/process-image.md, image version 2, journal version 1.
//! Nothing in here writes to shared memory, takes a lock, or panics at what an image holds.

mod image;
mod journal;
mod mapping;
mod tables;

pub use image::{Image, Reader, Reading, Snapshot};
pub use journal::{Change, Cursor, Journal, OLDEST, UNKNOWN};
pub use tables::*;
