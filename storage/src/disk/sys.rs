//! System calls that neither std nor glommio offers on a descriptor. With `glommio/read_memory` the
//! only `unsafe` of this crate's disk.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Space;

/// The size of an open file, by fstat(2). Does not touch the disk: the inode of an open file is
/// in memory.
pub(super) fn file_bytes(fd: RawFd) -> io::Result<u64> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the pointer is to writable memory of the right type; a descriptor that is not open
    // makes the call fail.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it filled the struct.
    let stat = unsafe { stat.assume_init() };
    Ok(stat.st_size.max(0) as u64)
}

/// The room of the file system of an open file, by fstatvfs(3). May block on some file systems.
pub(super) fn file_space(fd: RawFd) -> io::Result<Space> {
    let mut stat = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: as in `file_bytes`.
    if unsafe { libc::fstatvfs(fd, stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it filled the struct.
    Ok(space_of(unsafe { stat.assume_init_ref() }))
}

/// The room of the file system that holds `path`, by statvfs(3). May block.
pub(super) fn path_space(path: &Path) -> io::Result<Space> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero byte and the pointer is to writable memory of the right
    // type; both live through the call.
    if unsafe { libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it filled the struct.
    Ok(space_of(unsafe { stat.assume_init_ref() }))
}

fn space_of(stat: &libc::statvfs) -> Space {
    Space {
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
    }
}
