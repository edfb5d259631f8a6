// The C library as this program sees it: one table of bound functions and the one place that calls them.
//
// Promise: a result below zero is an errno, negated, read before anything else can change it; it is the convention of the
// kernel itself and of Node. Nothing here throws or interprets a result; the classes beside this file do.
// Every call can be made to fail by `injectFaults`, so that a test can walk through all of them.
//
// Calls are synchronous, but for one: koffi's asynchronous ones are known to crash when they come from a worker thread, so
// `futexLater` is for the main thread of a process.
// glibc only: musl keeps a named semaphore in another file with another layout, so no consumer could share ours.

import koffi from "koffi";

/** Decides about each call: an errno makes it fail, undefined lets it through. */
export type FaultInjector = (functionName: string) => number | undefined;

let injectFault: FaultInjector | undefined;

/** For tests: from now on `injector` is asked before every call of this thread; undefined ends it. */
export function injectFaults(injector: FaultInjector | undefined): void {
  injectFault = injector;
}

// These give something back. When they report a failure it is gone all the same (close(2), "Dealing with error returns from
// close()"), so an injected failure makes the call first.
const releasing = new Set(["close", "munmap", "sem_close"]);

// First what the process itself would call, which may be a library that was preloaded (libfaketime sets the clock of one process so). glibc
// before 2.34 keeps some functions in libraries of their own.
const libraries = [null, "libc.so.6", "librt.so.1", "libpthread.so.0"];
const loaded = new Map<string | null, ReturnType<typeof koffi.load>>();

function load(fileName: string | null): ReturnType<typeof koffi.load> {
  const library = loaded.get(fileName) ?? koffi.load(fileName);
  loaded.set(fileName, library);
  return library;
}

function find(prototype: string): (...parameters: unknown[]) => unknown {
  let reason: unknown;
  for (const fileName of libraries) {
    try {
      return load(fileName).func(prototype);
    } catch (error) {
      reason ??= error;
    }
  }
  throw new TypeError(`cannot use the C library because it has no ${prototype}: Linux with glibc is needed`, {
    cause: reason,
  });
}

/** Signatures as in the manual pages, sections 2 and 3, the errno negated for every failure. */
interface Libc {
  shm_open(name: string, flags: number, mode: number): number;
  shm_unlink(name: string): number;
  rename(from: string, to: string): number;
  link(from: string, to: string): number;
  open(path: string, flags: number): number;
  close(descriptor: number): number;
  dup3(from: number, to: number, flags: number): number;
  fchmod(descriptor: number, mode: number): number;
  posix_fallocate(descriptor: number, offset: number, lengthBytes: number): number;
  fallocate(descriptor: number, mode: number, offset: number, lengthBytes: number): number;
  pread(descriptor: number, bytes: Uint8Array, lengthBytes: number, offset: number): number;
  pwrite(descriptor: number, bytes: Uint8Array, lengthBytes: number, offset: number): number;
  write(descriptor: number, bytes: Uint8Array, lengthBytes: number): number;
  socket(domain: number, type: number, protocol: number): number;
  sendto(
    descriptor: number,
    bytes: Uint8Array,
    lengthBytes: number,
    flags: number,
    address: Uint8Array,
    addressBytes: number,
  ): number;
  poll(descriptors: Uint8Array, count: number, timeoutMs: number): number;
  /** With a command whose argument is a structure. */
  fcntl(descriptor: number, command: number, type: "void *", argument: Uint8Array): number;
  mmap(at: null, lengthBytes: number, protection: number, flags: number, descriptor: number, offset: number): Address;
  munmap(address: bigint, lengthBytes: number): number;
  sem_open(name: string, flags: number): Address;
  /** With O_CREAT: two more arguments, each after its type. */
  sem_open(name: string, flags: number, modeType: CUint, mode: number, valueType: CUint, value: number): Address;
  sem_init(semaphore: Uint8Array, shared: number, value: number): number;
  sem_close(semaphore: bigint): number;
  sem_unlink(name: string): number;
  sem_trywait(semaphore: bigint): number;
  sem_post(semaphore: bigint): number;
  clock_gettime(clock: number, time: BigInt64Array): number;
  endAtOnce(status: number): never;
  malloc_trim(keptBytes: number): number;
  prctl(option: number, argument2: number, argument3: number, argument4: number, argument5: number): number;
  /** syscall(2) with the arguments of landlock_create_ruleset(2). */
  landlock_create_ruleset(call: number, attributes: Uint8Array | null, sizeBytes: number, flags: number): number;
  /** syscall(2) with the arguments of landlock_restrict_self(2). */
  landlock_restrict_self(call: number, descriptor: number, flags: number): number;
  /** syscall(2) with the arguments of futex(2). */
  futex(
    call: number,
    word: bigint,
    operation: number,
    value: number,
    timeout: Timespec,
    word2: null,
    value3: number,
  ): number;
  /** The same, in a thread of the runtime's pool. */
  futexLater(
    call: number,
    word: bigint,
    operation: number,
    value: number,
    timeout: Timespec,
    word2: null,
    value3: number,
  ): Later;
}

/** What the asynchronous calls return. The errno stays in the thread that made the call: any failure is -1. */
type Later = Promise<number>;
/** A number when it failed. */
type Address = bigint | number;
type CUint = "unsigned int";
type Timespec = BigInt64Array | null;

/** A function that returns a number and, by `errnoOf`, how it reports failure. koffi keeps the errno until this thread's next call. */
function bind(
  prototype: string,
  errnoOf: (result: number) => number,
  functionName = nameIn(prototype),
): (...parameters: unknown[]) => number {
  const native = find(prototype);
  return (...parameters) => {
    const injected = injectFault?.(functionName);
    if (injected !== undefined) {
      if (releasing.has(functionName)) native(...parameters);
      return -injected;
    }
    const result = Number(native(...parameters));
    const failure = errnoOf(result);
    return failure === 0 ? result : -failure;
  };
}

/** A function that returns an address. NULL is null in koffi, MAP_FAILED is ((void *) -1), signed or not. */
function bindAddress(prototype: string): (...parameters: unknown[]) => Address {
  const functionName = nameIn(prototype);
  const native = find(prototype) as (...parameters: unknown[]) => bigint | null;
  return (...parameters) => {
    const injected = injectFault?.(functionName);
    if (injected !== undefined) return -injected;
    const address = native(...parameters);
    return address === null || BigInt.asIntN(64, address) === -1n ? -koffi.errno() : address;
  };
}

/** A function that runs in a thread of the runtime's pool; what it is given is kept until it returns. */
function bindLater(prototype: string, functionName: string): (...parameters: unknown[]) => Later {
  const native = find(prototype) as unknown as { async(...parameters: unknown[]): void };
  return (...parameters) => {
    if (injectFault?.(functionName) !== undefined) return Promise.resolve(-1);
    return new Promise((resolve, reject) =>
      native.async(...parameters, (error: Error | null, result: unknown) =>
        error === null ? resolve(Number(result)) : reject(error),
      ),
    );
  };
}

function nameIn(prototype: string): string {
  return /(\w+)\(/.exec(prototype)?.[1] ?? prototype;
}

const minusOneFails = (result: number): number => (result === -1 ? koffi.errno() : 0);
const resultIsErrno = (result: number): number => result;

const futexPrototype =
  "long syscall(long number, void *uaddr, int op, uint32_t val, void *timeout, void *uaddr2, uint32_t val3)";

/** `mode_t` is unsigned int; lengths and offsets are 64 bits wide. */
export const libc: Libc = {
  shm_open: bind("int shm_open(const char *name, int oflag, unsigned int mode)", minusOneFails),
  shm_unlink: bind("int shm_unlink(const char *name)", minusOneFails),
  rename: bind("int rename(const char *oldpath, const char *newpath)", minusOneFails),
  link: bind("int link(const char *oldpath, const char *newpath)", minusOneFails),
  open: bind("int open(const char *path, int oflag, ...)", minusOneFails),
  close: bind("int close(int fd)", minusOneFails),
  dup3: bind("int dup3(int oldfd, int newfd, int flags)", minusOneFails),
  fchmod: bind("int fchmod(int fd, unsigned int mode)", minusOneFails),
  posix_fallocate: bind("int posix_fallocate(int fd, int64_t offset, int64_t len)", resultIsErrno),
  fallocate: bind("int fallocate(int fd, int mode, int64_t offset, int64_t len)", minusOneFails),
  pread: bind("int64_t pread(int fd, void *buf, size_t count, int64_t offset)", minusOneFails),
  pwrite: bind("int64_t pwrite(int fd, const void *buf, size_t count, int64_t offset)", minusOneFails),
  write: bind("int64_t write(int fd, const void *buf, size_t count)", minusOneFails),
  socket: bind("int socket(int domain, int type, int protocol)", minusOneFails),
  sendto: bind(
    "int64_t sendto(int sockfd, const void *buf, size_t len, int flags, const void *dest_addr, uint32_t addrlen)",
    minusOneFails,
  ),
  poll: bind("int poll(void *fds, unsigned long nfds, int timeout)", minusOneFails),
  fcntl: bind("int fcntl(int fd, int cmd, ...)", minusOneFails),
  mmap: bindAddress("void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)"),
  munmap: bind("int munmap(void *addr, size_t length)", minusOneFails),
  sem_open: bindAddress("void *sem_open(const char *name, int oflag, ...)"),
  sem_init: bind("int sem_init(void *sem, int pshared, unsigned int value)", minusOneFails),
  sem_close: bind("int sem_close(void *sem)", minusOneFails),
  sem_unlink: bind("int sem_unlink(const char *name)", minusOneFails),
  sem_trywait: bind("int sem_trywait(void *sem)", minusOneFails),
  sem_post: bind("int sem_post(void *sem)", minusOneFails),
  clock_gettime: bind("int clock_gettime(int clockid, void *tp)", minusOneFails),
  malloc_trim: bind("int malloc_trim(size_t pad)", resultIsErrno),
  endAtOnce: bind("void _exit(int status)", resultIsErrno) as Libc["endAtOnce"],
  prctl: bind(
    "int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5)",
    minusOneFails,
  ),
  landlock_create_ruleset: bind(
    "long syscall(long number, const void *attr, size_t size, uint32_t flags)",
    minusOneFails,
    "landlock_create_ruleset",
  ),
  landlock_restrict_self: bind(
    "long syscall(long number, int ruleset_fd, uint32_t flags)",
    minusOneFails,
    "landlock_restrict_self",
  ),
  futex: bind(futexPrototype, minusOneFails, "futex"),
  futexLater: bindLater(futexPrototype, "futex"),
};

/** The memory at an address of our own mapping as an ArrayBuffer, without a copy. */
export function memoryAt(address: bigint, lengthBytes: number): ArrayBuffer {
  return koffi.view(address, lengthBytes);
}

/** A call of node:fs under the same convention and the same injection. */
export function systemCall<T>(functionName: string, run: () => T): T | number {
  const injected = injectFault?.(functionName);
  if (injected !== undefined) return -injected;
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && "errno" in error && typeof error.errno === "number") return error.errno;
    throw error;
  }
}
