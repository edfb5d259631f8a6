//! Reads the process image and the journal of cpc-partition: docs/process-image.md, image version 2, journal version 1.
//!
//! Nothing in here writes to shared memory, takes a lock, or panics at what an image holds.

mod directory;
mod image;
mod journal;
mod mapping;
mod value;

pub use directory::{Directory, Group, Point, Server};
pub use image::{Image, Reader, Reading, ServerState, Snapshot, Unusable, Wanted};
pub use journal::{Change, Changes, Cursor, Journal, UNKNOWN};
pub use value::Value;

/// Why an image, or a part of it, cannot be read.
#[derive(Debug)]
pub enum Error {
    /// No object has this name: no writer has been here, or somebody removed it. Try again later.
    Missing,
    System(std::io::Error),
    /// Not an image (a journal), of another major version, or of a machine with another byte order.
    Foreign(&'static str),
    /// A table, block, bank, room or text does not lie where it can.
    Corrupt(&'static str),
    /// The writer overtook every attempt to copy. Try again.
    Overtaken,
    /// The group, server or point is not one of this image or snapshot.
    Elsewhere,
}

impl std::fmt::Display for Error {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Error::Missing => write!(to, "no object has this name: start the partition, or check its --prefix"),
            Error::System(error) => write!(to, "the system refused it: {error}"),
            Error::Foreign(what) => write!(to, "not readable by this version: {what}"),
            Error::Corrupt(what) => write!(to, "corrupt: {what}; restart the partition"),
            Error::Overtaken => write!(to, "the writer overtook every attempt to copy; try again"),
            Error::Elsewhere => write!(to, "not of this image or snapshot: look it up again"),
        }
    }
}

impl std::error::Error for Error {}
