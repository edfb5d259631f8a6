package cpcimage

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	byteOrder = 0x01020304
	futexWait = 0
	futexWake = 1
)

// mapping is a shared memory object, mapped read-only until nobody has it any more. Another process writes to it meanwhile: words are
// loaded atomically, and every place is checked before (a slice refuses what lies behind the end).
type mapping struct {
	path  string
	file  *os.File
	state os.FileInfo
	bytes []byte
}

// Checks what an image and a journal begin with. A name is looked for in /dev/shm, unless it is an absolute path.
func openMapping(name string, atLeast int64, magic string, major uint32) (*mapping, error) {
	path := name
	if !filepath.IsAbs(name) {
		path = filepath.Join("/dev/shm", name)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	m := &mapping{path: path, file: file}
	if m.state, err = file.Stat(); err != nil {
		return nil, err
	}
	if !m.state.Mode().IsRegular() || m.state.Size() < atLeast {
		return nil, foreign("no regular file, or too short")
	}
	if m.bytes, err = unix.Mmap(int(file.Fd()), 0, int(m.state.Size()), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(m, func(m *mapping) { _ = unix.Munmap(m.bytes) })
	switch {
	case m.u64(0) != u64([]byte(magic)):
		return nil, foreign("another magic")
	case m.u32(12) != byteOrder:
		return nil, foreign("another byte order")
	case m.u32(8)>>16 != major:
		return nil, foreign("another major version")
	}
	return m, nil
}

// Whether the name leads to another file by now. It is an error when it leads nowhere.
func (m *mapping) moved() (bool, error) {
	state, err := os.Lstat(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, ErrMissing
	}
	return err == nil && !os.SameFile(state, m.state), err
}

func (m *mapping) u32(at uint64) uint32 {
	defer runtime.KeepAlive(m)
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&m.bytes[at : at+4][0])))
}

func (m *mapping) u64(at uint64) uint64 {
	defer runtime.KeepAlive(m)
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&m.bytes[at : at+8][0])))
}

func (m *mapping) copy(into []byte, at uint64) {
	defer runtime.KeepAlive(m)
	copy(into, m.bytes[at:at+uint64(len(into))])
}

// F_OFD_GETLK asks who has the lock. It takes nothing.
func (m *mapping) isLocked() (bool, error) {
	defer runtime.KeepAlive(m)
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(m.file.Fd(), unix.F_OFD_GETLK, &lock)
	return lock.Type != unix.F_UNLCK, err
}

// Sleeps while the word has this value. True when somebody woke it.
func (m *mapping) sleep(at uint64, value uint32, limit time.Duration) bool {
	timeout := unix.NsecToTimespec(int64(limit))
	word := uintptr(unsafe.Pointer(&m.bytes[at]))
	_, _, err := unix.Syscall6(unix.SYS_FUTEX, word, futexWait, uintptr(value), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	runtime.KeepAlive(m)
	return err == 0
}

func (m *mapping) wake(at uint64) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&m.bytes[at])), futexWake, math.MaxInt32, 0, 0, 0)
	runtime.KeepAlive(m)
}

var fenceWord uint32

// fence keeps all loads before it before the atomic load that follows it: a store-release stays before the next load-acquire, and
// plain loads stay before the store-release.
func fence() { atomic.StoreUint32(&fenceWord, 0) }
