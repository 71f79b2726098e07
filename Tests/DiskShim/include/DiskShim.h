// A fault injector for tests: preloaded (LD_PRELOAD) into a process, it stands between the process
// and its disk calls. Without the environment variables below it does nothing.
//
//   DISKSHIM_ROOT=DIR[:DIR...]   absolute folders without links; only calls below them are seen
//
// Seen are the calls that change or sync files: open, openat and creat where they create or
// truncate, write, writev, pwrite, pwritev, sendfile, ftruncate, truncate, fallocate, fsync,
// fdatasync, sync_file_range, rename, link, unlink, mkdir and rmdir with their variants. They are
// numbered from 1 in each process. Writes through a mapping are no calls and are not seen, nor are
// those that the C library makes inside itself (stdio, mkstemp).
//
//   DISKSHIM_COUNT=FILE          one line a call: pid, number, name, result, site, path, call chain
//   DISKSHIM_RECORD=FILE         one binary record a call, see below
//   DISKSHIM_FAULT=ACTION:WHERE  one fault, in the process that was started with the variable and
//                                not in its children
//     ACTION   kill-before  SIGKILL instead of the call
//              kill-within  SIGKILL after half of a write
//              kill-after   SIGKILL after the call returned
//              eio, enospc  the call fails with that error; a write of two bytes or more first
//                           writes its half where the error is enospc
//     WHERE    N            the process' N-th call
//              SITE/K       the K-th call of a site: 16 hexadecimal digits, as DISKSHIM_COUNT says
//   DISKSHIM_FAULT_MATCH=TEXT    count only calls whose "NAME PATH" contains TEXT (for WHERE = N)
//   DISKSHIM_FAULT_ONWARDS=1     errors: from that call on, every matching call fails; where the
//                                error is enospc, statvfs then says that no room is left
//   DISKSHIM_STRUCK=FILE         one line when the fault strikes: pid, number, name, action, path
//   DISKSHIM_NOSYNC=TEXT         fsync and fdatasync of paths that contain TEXT ("*": all) succeed
//                                without being done, and without a record
//   DISKSHIM_CLOCK=SECONDS[@N],… seconds added to the real-time clock from its N-th reading on
//
// A site is a hash over the ten innermost return addresses, each relative to its library: it names
// the place in the program and stays the same from process to process.
//
// Records are written in an order in which the calls may have happened, over all processes that
// share the file: a lock on it is held over the call and its record. All numbers little-endian:
//
//   u32 magic 0x4B534944, u32 kind, u32 pid, u32 flags, u64 offset, u64 length, i64 result,
//   u32 path length, u32 path2 length, path, path2, data
//
// Paths are absolute. `length` is the number of data bytes of a write (those the call took, so it
// equals `result`), the new length of a truncation, and 0 otherwise; `offset` is resolved, also for
// appending writes. Calls that failed are recorded with result -1 and without data.
#ifndef TEMPER_DISKSHIM_H
#define TEMPER_DISKSHIM_H

enum {
  DISKSHIM_MAGIC = 0x4B534944,

  DISKSHIM_CREATE = 1,  // an open that made the file
  DISKSHIM_TRUNCATE = 2,  // to `length`, by an open too
  DISKSHIM_WRITE = 3,
  DISKSHIM_FSYNC = 4,
  DISKSHIM_FDATASYNC = 5,
  DISKSHIM_FSYNC_FOLDER = 6,
  DISKSHIM_RENAME = 7,  // path to path2
  DISKSHIM_UNLINK = 8,
  DISKSHIM_MKDIR = 9,
  DISKSHIM_RMDIR = 10,
  DISKSHIM_LINK = 11,  // path2 is the new name
  DISKSHIM_MARK = 12,  // no call: the process wrote `data` to stdout or stderr, which is `path`
  DISKSHIM_ALLOCATE = 13,
  DISKSHIM_SYNC_RANGE = 14,

  DISKSHIM_SYNCHRONOUS = 1,  // flag: the descriptor was opened with O_SYNC or O_DSYNC
};

#endif
