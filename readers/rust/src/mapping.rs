//! A shared memory object, mapped read-only: words of 64 bits to which another process writes meanwhile.

use std::fs::{symlink_metadata, File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{fence, AtomicU64, Ordering};
use std::time::Duration;

use crate::tables::view;

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
compile_error!("the process image is read on 64-bit little-endian Linux only");

pub(crate) struct Mapping {
    pub name: String,
    pub bytes: usize,
    file: File,
    /// Never handed out: it ends with the mapping.
    words: &'static [AtomicU64],
}

impl Mapping {
    /// `name` lies in /dev/shm, or is an absolute path. Checks what an image and a journal begin with.
    pub fn open(name: &str, at_least: usize, magic: &[u8; 8], major: u32) -> Result<Mapping> {
        let path = Path::new("/dev/shm").join(name);
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
        let (is_file, bytes) = file.metadata().map(|found| (found.is_file(), found.len() as usize))?;
        require(is_file && bytes >= at_least, "no regular file, or too short")?;
        let (access, descriptor) = (libc::PROT_READ, file.as_raw_fd());
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, descriptor, 0) };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        // Behind the end of the file the last page has zeros.
        let words = unsafe { std::slice::from_raw_parts(start.cast(), bytes.div_ceil(8)) };
        let map = Mapping { name: name.into(), bytes, file, words };
        let is_ours = map.load::<u64>(0) == u64::from_le_bytes(*magic) && map.load::<u32>(12) == 0x0102_0304;
        require(is_ours && map.load::<u32>(8) >> 16 == major, "another magic, byte order or major version")?;
        Ok(map)
    }

    /// Whether the name leads to another file by now; an error when it leads nowhere.
    pub fn moved(&self) -> Result<bool> {
        let path = Path::new("/dev/shm").join(&self.name);
        let [named, own] = [symlink_metadata(path)?, self.file.metadata()?].map(|file| (file.dev(), file.ino()));
        Ok(named != own)
    }

    /// A number, in acquire order.
    pub fn load<T: Copy>(&self, at: usize) -> T {
        view(&self.words[at / 8].load(Ordering::Acquire).to_ne_bytes()[at % 8..])
    }

    /// A place and a length that are multiples of 8. The fence keeps every word before what is loaded next.
    pub fn copy(&self, at: usize, length: usize) -> Vec<u8> {
        let mut copy = vec![0; length];
        for (bytes, word) in copy.chunks_exact_mut(8).zip(&self.words[at / 8..]) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        fence(Ordering::Acquire);
        copy
    }

    /// fcntl(2), "open file description locks": asks, takes nothing. A read lock is anybody's.
    pub fn is_locked(&self) -> bool {
        let mut lock = libc::flock { l_type: libc::F_WRLCK as i16, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
        let answer = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) };
        answer == 0 && lock.l_type == libc::F_WRLCK as i16
    }

    /// Sleeps while the word of 32 bits has this value. Who is woken by another value wakes the other sleepers.
    pub fn sleep(&self, at: usize, value: u32, timeout: Duration) {
        let limit = libc::timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        let word = self.words[at / 8].as_ptr().cast::<u32>().wrapping_add(at % 8 / 4);
        let woken = unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, value, &limit) == 0 };
        if woken && self.load::<u32>(at) != value {
            unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, i32::MAX) };
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unsafe { libc::munmap(self.words.as_ptr().cast_mut().cast(), self.bytes) };
    }
}

/// Refuses an object that is none of ours, or that contradicts itself.
pub(crate) fn require(holds: bool, otherwise: &str) -> Result<()> {
    holds.then_some(()).ok_or_else(|| Error::new(ErrorKind::InvalidData, otherwise))
}

pub(crate) const ATTEMPTS: usize = 100;

/// Tries until the writer did not overtake it.
pub(crate) fn attempt<T>(mut copy: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let overtaken = || Error::new(ErrorKind::WouldBlock, "the writer overtook every attempt to copy; try again");
    (0..ATTEMPTS).find_map(|_| copy().transpose()).unwrap_or_else(|| Err(overtaken()))
}
