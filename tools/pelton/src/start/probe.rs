//! Before anything is touched: has the machine what we need? Names what is missing, and the cure.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use io_uring::{IoUring, Probe, opcode};
use pelton_broker::BrokerConfig;

/// File descriptors below which connections and segments would crowd each other out.
const FILES_MIN: u64 = 1024;

/// Fewer open segments would open one for every read, and for every carry. More than so many cost
/// memory: a writer keeps a block of up to 4 KiB, and the kernel some 2 KiB of each file.
const SEGMENT_FILES_MIN: usize = 32;
const SEGMENT_FILES_MAX: usize = 16_384;

/// Below this glommio does not start.
const MEMLOCK_BYTES_MIN: u64 = 512 << 10;

/// What kernels from 6.14 on count for the queues of a core's three rings.
const MEMLOCK_BYTES_PER_CORE: u64 = 128 << 10;

/// The buffer that glommio registers with each of them is 1 MiB, and is counted as 2 MiB where it
/// lies in a huge page. Without it everything works, through buffers that are not registered.
const REGISTERED_BYTES_PER_CORE: u64 = 6 << 20;

/// `Err` is a message for the operator.
pub fn run(config: &BrokerConfig) -> Result<(), String> {
    let ring = IoUring::new(8).map_err(|error| no_ring(&error))?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(|error| {
        format!("io_uring cannot say what it can do ({error}): Linux 5.8 or newer is needed")
    })?;
    let needed = [
        ("READ", opcode::Read::CODE),
        ("WRITE", opcode::Write::CODE),
        ("READ_FIXED", opcode::ReadFixed::CODE),
        ("WRITE_FIXED", opcode::WriteFixed::CODE),
        ("FSYNC", opcode::Fsync::CODE),
        ("FALLOCATE", opcode::Fallocate::CODE),
        ("OPENAT", opcode::OpenAt::CODE),
        ("CLOSE", opcode::Close::CODE),
        ("STATX", opcode::Statx::CODE),
        ("ACCEPT", opcode::Accept::CODE),
        ("CONNECT", opcode::Connect::CODE),
        ("SEND", opcode::Send::CODE),
        ("RECV", opcode::Recv::CODE),
        ("POLL_ADD", opcode::PollAdd::CODE),
        ("TIMEOUT", opcode::Timeout::CODE),
        ("ASYNC_CANCEL", opcode::AsyncCancel::CODE),
    ];
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(_, code)| !probe.is_supported(*code))
        .map(|(name, _)| *name)
        .collect();
    if !missing.is_empty() {
        return Err(format!(
            "this kernel's io_uring lacks {}: Linux 5.8 or newer is needed",
            missing.join(", ")
        ));
    }
    memlock(config.cpus.len() as u64)?;
    files()?;
    direct_io(&config.data_dir)
}

fn no_ring(error: &io::Error) -> String {
    match error.raw_os_error() {
        // Podman's profile answers as a kernel does that does not know the call.
        Some(libc::ENOSYS) if is_filtered() => {
            "io_uring is not there. A seccomp filter is in force, \
             and those of containers hide it by default: run the container with the profile \
             deploy/seccomp.json (--security-opt seccomp=deploy/seccomp.json). If it is not there \
             then either, the kernel has none: Linux 5.8 or newer, built with CONFIG_IO_URING, is \
             needed"
                .into()
        }
        Some(libc::ENOSYS) => {
            "this kernel has no io_uring: Linux 5.8 or newer, built with CONFIG_IO_URING, is needed"
                .into()
        }
        Some(libc::EPERM | libc::EACCES) => match disabled_by_sysctl() {
            true => {
                "io_uring is switched off here: `sysctl kernel.io_uring_disabled=0` switches it on"
                    .into()
            }
            false => {
                "io_uring is refused, as containers do by default: run the container with the \
                      profile deploy/seccomp.json (--security-opt seccomp=deploy/seccomp.json)"
                    .into()
            }
        },
        Some(libc::ENOMEM) => format!(
            "io_uring gets no memory ({error}): raise the limit of locked memory (ulimit -l \
             unlimited; LimitMEMLOCK=infinity in a systemd unit)"
        ),
        _ => format!("io_uring cannot be used: {error}"),
    }
}

fn disabled_by_sysctl() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled")
        .is_ok_and(|text| text.trim() != "0")
}

/// Whether system calls of this process go through a seccomp filter; see proc_pid_status(5).
fn is_filtered() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        mode.is_some_and(|mode| mode.trim() == "2")
    })
}

fn limit(which: libc::__rlimit_resource_t) -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live rlimit.
    match unsafe { libc::getrlimit(which, &mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

fn memlock(cores: u64) -> Result<(), String> {
    let limit = limit(libc::RLIMIT_MEMLOCK).map_err(|error| error.to_string())?;
    // SAFETY: geteuid has no arguments and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    // For root the kernel does not count.
    let counted = |bytes_per_core: u64| if is_root { 0 } else { bytes_per_core * cores };
    let needed = counted(MEMLOCK_BYTES_PER_CORE).max(MEMLOCK_BYTES_MIN);
    if limit.rlim_cur < needed {
        return Err(format!(
            "{} KiB may be locked in memory, {} KiB are needed for {cores} cores: `ulimit -l {}`, or \
             LimitMEMLOCK=infinity in a systemd unit",
            limit.rlim_cur >> 10,
            needed >> 10,
            needed >> 10
        ));
    }
    let wanted = counted(REGISTERED_BYTES_PER_CORE);
    if limit.rlim_cur < wanted {
        tracing::warn!(
            limit_kib = limit.rlim_cur >> 10,
            wanted_kib = wanted >> 10,
            "little memory may be locked: buffers may not be registered with io_uring, which costs \
             some CPU; `ulimit -l`, or LimitMEMLOCK=infinity in a systemd unit"
        );
    }
    Ok(())
}

/// Raises the soft limit to the hard one: connections and segments each need a descriptor.
fn files() -> Result<(), String> {
    let mut files = limit(libc::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    files.rlim_cur = files.rlim_max;
    // SAFETY: the pointer is to a live rlimit.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &files) } != 0 {
        tracing::warn!(error = %io::Error::last_os_error(), "the file limit could not be raised");
    }
    let files = limit(libc::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    if files.rlim_cur < FILES_MIN {
        return Err(format!(
            "{} files may be open, {FILES_MIN} are needed at least: `ulimit -n`, or \
             LimitNOFILE=1048576 in a systemd unit",
            files.rlim_cur
        ));
    }
    Ok(())
}

/// How many files of segments each of `cores` may keep open: half of the limit between them.
/// The rest is for connections and for what is written, which is never refused for it.
pub fn segment_files(cores: usize) -> usize {
    let files = limit(libc::RLIMIT_NOFILE).map_or(FILES_MIN, |limit| limit.rlim_cur);
    let share = usize::try_from(files / 2).unwrap_or(usize::MAX) / cores.max(1);
    share.clamp(SEGMENT_FILES_MIN, SEGMENT_FILES_MAX)
}

/// The journal writes past the page cache, so the file system must let it.
fn direct_io(data: &Path) -> Result<(), String> {
    std::fs::create_dir_all(data).map_err(|error| format!("{}: {error}", data.display()))?;
    let path = data.join(".direct-io-probe");
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .custom_flags(libc::O_DIRECT)
        .open(&path);
    let _ = std::fs::remove_file(&path);
    match opened {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            tracing::warn!(data = %data.display(),
                "this file system has no direct I/O: it works, slower; ext4 or xfs is better");
            Ok(())
        }
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
