// Package cpcimage reads the process image and the journal of cpc-partition: docs/process-image.md, image version 2, journal version 1.
// It writes nothing to shared memory and takes no lock.
package cpcimage

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Why an image, or a part of it, cannot be read; ask with errors.Is. Everything else is an error of the system.
var (
	// ErrRefused: no image (no journal), one of another version or byte order, or one that contradicts itself.
	ErrRefused   = errors.New("not readable")
	ErrOvertaken = errors.New("the writer overtook every attempt to copy; try again")
	ErrElsewhere = errors.New("not of this image or snapshot: look it up again")
)

const attempts = 100

func require(holds bool, otherwise string) error {
	if holds {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrRefused, otherwise)
}

// mapping is a shared memory object, mapped read-only until nobody has it any more: words of 64 bits to which another process writes.
type mapping struct {
	path  string
	file  *os.File
	state os.FileInfo
	bytes []byte
	words []uint64
}

// Checks what an image and a journal begin with. A name is looked for in /dev/shm, unless it is an absolute path.
func openMapping(name string, atLeast int64, magic string, major uint32) (*mapping, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join("/dev/shm", name)
	}
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	m := &mapping{path: name, file: file}
	if m.state, err = file.Stat(); err != nil {
		return nil, err
	}
	if err := require(m.state.Mode().IsRegular() && m.state.Size() >= atLeast, "no regular file, or too short"); err != nil {
		return nil, err
	}
	if m.bytes, err = unix.Mmap(int(file.Fd()), 0, int(m.state.Size()), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, err
	}
	m.words = unsafe.Slice((*uint64)(unsafe.Pointer(&m.bytes[0])), (len(m.bytes)+7)/8) // the last page ends with zeros
	runtime.SetFinalizer(m, func(m *mapping) { _ = unix.Munmap(m.bytes) })
	isOurs := string(m.bytes[:8]) == magic && m.u32(12) == 0x01020304 && m.u32(8)>>16 == major
	return m, require(isOurs, "another magic, byte order or major version")
}

// Whether the name leads to another file by now. It is an error when it leads nowhere.
func (m *mapping) moved() (bool, error) {
	state, err := os.Lstat(m.path)
	return err == nil && !os.SameFile(state, m.state), err
}

func (m *mapping) u64(at uint64) uint64 {
	defer runtime.KeepAlive(m)
	return atomic.LoadUint64(&m.words[at/8])
}

func (m *mapping) u32(at uint64) uint32 { return uint32(m.u64(at) >> (8 * (at % 8))) }

// A place and a length that are multiples of 8.
func (m *mapping) copy(at, length uint64) []uint64 {
	defer runtime.KeepAlive(m)
	return append([]uint64(nil), m.words[at/8:(at+length)/8]...)
}

// F_OFD_GETLK asks who has the lock. It takes nothing.
func (m *mapping) isLocked() bool {
	defer runtime.KeepAlive(m)
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(m.file.Fd(), unix.F_OFD_GETLK, &lock)
	return err == nil && lock.Type != unix.F_UNLCK
}

// Sleeps while the word of 32 bits has this value. Who is woken by another value wakes the other sleepers.
func (m *mapping) sleep(at uint64, value uint32, limit time.Duration) {
	defer runtime.KeepAlive(m)
	const wait, wake = 0, 1
	timeout := unix.NsecToTimespec(int64(limit))
	word := uintptr(unsafe.Pointer(&m.bytes[at]))
	_, _, err := unix.Syscall6(unix.SYS_FUTEX, word, wait, uintptr(value), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	if err == 0 && m.u32(at) != value {
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, word, wake, math.MaxInt32, 0, 0, 0)
	}
}

var fenceWord uint32

// fence keeps all loads before it before the atomic load that follows it: a store-release stays before the next load-acquire, and
// plain loads stay before the store-release.
func fence() { atomic.StoreUint32(&fenceWord, 0) }
