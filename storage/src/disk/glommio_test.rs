use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ::glommio::{GlommioError, LocalExecutorBuilder, Placement};
use futures::FutureExt;
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};

use super::{GlommioDisk, Pool, PooledMemory, io_error};
use crate::disk::buffer::BufferPool;
use crate::disk::{BufferMemory, Disk, OpenMode, is_disk_full};

/// Runs a test in a fresh directory on a real file system: /tmp may be in memory, where direct
/// I/O falls back to buffered.
pub(in crate::disk) fn on_an_executor<F: Future<Output = ()> + 'static>(
    test: impl FnOnce(Disk, PathBuf) -> F,
) {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    fs::create_dir_all(&target).expect("the target directory");
    let target = target.canonicalize().expect("the target directory");
    let directory = tempfile::tempdir_in(target).expect("a directory");
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(1 << 20)
        .make()
        .expect("an executor");
    executor.run(async {
        let disk = GlommioDisk::start(directory.path(), 0).await.expect("a disk");
        test(disk.clone(), directory.path().to_path_buf()).await;
        disk.shut_down().await;
    });
}

const CREATE: OpenMode = OpenMode { create: true, durable_writes: false };

/// The open flags of this process's descriptor for a file, from /proc.
fn open_flags(path: &Path) -> i32 {
    for entry in fs::read_dir("/proc/self/fd").expect("/proc") {
        let entry = entry.expect("/proc");
        if fs::read_link(entry.path()).is_ok_and(|target| target == path) {
            let info = Path::new("/proc/self/fdinfo").join(entry.file_name());
            let info = fs::read_to_string(info).expect("/proc");
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
            return i32::from_str_radix(flags.expect("flags").trim(), 8).expect("octal");
        }
    }
    panic!("{} is not open", path.display());
}

#[test]
fn durable_writes_are_dsync_and_all_files_are_direct() {
    on_an_executor(|disk, root| async move {
        for (name, durable_writes) in [("plain", false), ("durable", true)] {
            let path = root.join(name);
            let mode = OpenMode { create: true, durable_writes };
            let file = disk.open(&path, mode).await.expect("create");
            let flags = open_flags(&path);
            assert_eq!(flags & libc::O_DSYNC != 0, durable_writes);
            assert_eq!(flags & libc::O_ACCMODE, libc::O_RDWR);
            assert_ne!(flags & libc::O_DIRECT, 0, "the target directory takes no direct I/O");
            file.close().await.expect("close");
        }
    });
}

#[test]
fn a_second_start_keeps_the_probe_and_repairs_a_damaged_one() {
    on_an_executor(|_, root| async move {
        let probe = root.join("probe.0");
        let whole = fs::read(&probe).expect("the probe");
        assert_eq!(whole.len(), BLOCK_BYTES);
        for damaged in [&b""[..], &[0; BLOCK_BYTES], b"short"] {
            fs::write(&probe, damaged).expect("damage");
            let disk = GlommioDisk::start(&root, 0).await.expect("a second start");
            assert_eq!(fs::read(&probe).expect("the probe"), whole);
            disk.shut_down().await;
        }
        assert!(GlommioDisk::start(Path::new("relative"), 0).await.is_err());
    });
}

#[test]
fn a_dropped_write_runs_to_its_end_and_close_waits_for_it() {
    on_an_executor(|disk, root| async move {
        let path = root.join("f");
        let file = disk.open(&path, CREATE).await.expect("create");
        let bytes = 4 * IO_BYTES_MAX;
        let mut buffer = disk.allocate_buffer(bytes);
        buffer.as_mut_slice().fill(7);
        // Polled once, then dropped, with its buffer.
        assert!(file.write_at(buffer, bytes, 0).now_or_never().is_none());
        file.close().await.expect("close");
        assert!(fs::read(&path).expect("the file") == vec![7; bytes]);
    });
}

#[test]
fn shut_down_waits_and_refuses_what_comes_after() {
    on_an_executor(|disk, root| async move {
        let path = root.join("f");
        let file = disk.open(&path, CREATE).await.expect("create");
        let buffer = disk.allocate_buffer(IO_BYTES_MAX);
        assert!(file.write_at(buffer, IO_BYTES_MAX, 0).now_or_never().is_none());
        disk.shut_down().await;
        assert_eq!(fs::metadata(&path).expect("the file").len(), IO_BYTES_MAX as u64);
        assert!(file.sync().await.is_err());
        assert!(disk.list_dir(&root).await.is_err());
        disk.shut_down().await;
    });
}

#[test]
fn buffers_are_aligned_and_pooled() {
    let pool = Pool::new(BufferPool::new(1 << 20).into());
    let memory = PooledMemory::take(&pool, 3 * BLOCK_BYTES);
    let address = memory.as_slice().as_ptr();
    assert_eq!(address.align_offset(BLOCK_BYTES), 0);
    drop(memory);
    let again = PooledMemory::take(&pool, 3 * BLOCK_BYTES);
    assert_eq!(again.as_slice().as_ptr(), address);
    // One that the kernel may still read does not return to the pool.
    let lent = again.lend();
    drop(again);
    assert_eq!(Rc::strong_count(&lent), 1);
    assert_ne!(PooledMemory::take(&pool, 3 * BLOCK_BYTES).as_slice().as_ptr(), address);
}

#[test]
fn errors_keep_the_number_of_the_operating_system() {
    let full = std::io::Error::from_raw_os_error(libc::ENOSPC);
    let error = GlommioError::EnhancedIoError { source: full, op: "Writing", path: None, fd: None };
    assert!(is_disk_full(&io_error(error)));
}
