//! A shared memory object, mapped read-only: the only file that touches the mapping's memory and asks the kernel.
//!
//! Another process writes while this one reads. Every load is therefore atomic, and every place is checked before it is loaded.

use std::fs::{symlink_metadata, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::Error;

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
compile_error!("the process image is read on 64-bit little-endian Linux only");

const BYTE_ORDER: u32 = 0x0102_0304;

pub(crate) struct Mapping {
    pub path: PathBuf,
    pub bytes: u64,
    file: File,
    identity: (u64, u64),
    start: *const u8,
}

// The memory is only read, with atomic loads, until the mapping is dropped.
unsafe impl Send for Mapping {}
unsafe impl Sync for Mapping {}

impl Mapping {
    /// `name` lies in /dev/shm, or is an absolute path. Checks what an image and a journal begin with.
    pub fn open(name: &Path, at_least: u64, magic: &[u8; 8], major: u32) -> Result<Mapping, Error> {
        let path = Path::new("/dev/shm").join(name);
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path);
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::Missing,
            _ => Error::System(error),
        })?;
        let status = file.metadata().map_err(Error::System)?;
        if !status.is_file() || status.len() < at_least {
            return Err(Error::Foreign("no regular file, or too short"));
        }
        let bytes = status.len();
        let (access, descriptor) = (libc::PROT_READ, file.as_raw_fd());
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes as usize, access, libc::MAP_SHARED, descriptor, 0) };
        if start == libc::MAP_FAILED {
            return Err(Error::System(io::Error::last_os_error()));
        }
        let identity = (status.dev(), status.ino());
        let mapping = Mapping { path, bytes, file, identity, start: start.cast() };
        if mapping.u64(0).to_le_bytes() != *magic {
            return Err(Error::Foreign("another magic"));
        }
        if mapping.u32(12) != BYTE_ORDER {
            return Err(Error::Foreign("another byte order"));
        }
        if mapping.u32(8) >> 16 != major {
            return Err(Error::Foreign("another major version"));
        }
        Ok(mapping)
    }

    /// Whether the name leads to another file by now; an error when it leads nowhere.
    pub fn moved(&self) -> Result<bool, Error> {
        match symlink_metadata(&self.path) {
            Ok(status) => Ok((status.dev(), status.ino()) != self.identity),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Missing),
            Err(error) => Err(Error::System(error)),
        }
    }

    /// With acquire order.
    pub fn u32(&self, at: u64) -> u32 {
        unsafe { (*self.place(at, 4, 4).cast::<AtomicU32>()).load(Ordering::Acquire) }
    }

    /// With acquire order.
    pub fn u64(&self, at: u64) -> u64 {
        unsafe { (*self.place(at, 8, 8).cast::<AtomicU64>()).load(Ordering::Acquire) }
    }

    /// `at` and the length of `into` are multiples of 8.
    pub fn copy(&self, at: u64, into: &mut [u8]) {
        let words = self.place(at, into.len() as u64, 8).cast::<AtomicU64>();
        for (index, chunk) in into.chunks_exact_mut(8).enumerate() {
            let word = unsafe { (*words.add(index)).load(Ordering::Relaxed) };
            chunk.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// Of bytes that never change, at any place.
    pub fn constant(&self, at: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; length as usize];
        unsafe { ptr::copy_nonoverlapping(self.place(at, length, 1), bytes.as_mut_ptr(), bytes.len()) };
        bytes
    }

    fn place(&self, at: u64, length: u64, alignment: u64) -> *const u8 {
        assert!(at % alignment == 0 && at <= self.bytes && length <= self.bytes - at, "a place that was not checked");
        unsafe { self.start.add(at as usize) }
    }

    /// fcntl(2), "open file description locks": asks, takes nothing.
    pub fn is_locked(&self) -> Result<bool, Error> {
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = libc::F_WRLCK as libc::c_short;
        lock.l_whence = libc::SEEK_SET as libc::c_short;
        if unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) } != 0 {
            return Err(Error::System(io::Error::last_os_error()));
        }
        Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
    }

    /// Sleeps while the word has this value; true when somebody woke it.
    pub fn sleep(&self, at: u64, value: u32, timeout: Duration) -> bool {
        let (tv_sec, tv_nsec) = (timeout.as_secs() as libc::time_t, timeout.subsec_nanos().into());
        let limit = libc::timespec { tv_sec, tv_nsec };
        let word = self.place(at, 4, 4);
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, value, &limit) == 0 }
    }

    pub fn wake(&self, at: u64) {
        unsafe { libc::syscall(libc::SYS_futex, self.place(at, 4, 4), libc::FUTEX_WAKE, i32::MAX) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unsafe { libc::munmap(self.start.cast_mut().cast(), self.bytes as usize) };
    }
}
