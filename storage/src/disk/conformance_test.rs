//! What all disks must do alike. Each test runs on each of them.

use std::io;
use std::path::{Path, PathBuf};

use futures::future::join_all;
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};

use super::{Disk, File, IoBuf, OpenMode, is_disk_full};

const CREATE: OpenMode = OpenMode { create: true, durable_writes: false };
const BLOCK: u64 = BLOCK_BYTES as u64;

macro_rules! on_every_disk {
    ($($name:ident),* $(,)?) => {
        mod on_the_simulator {
            $(#[test]
            fn $name() {
                let sim = crate::disk::sim::SimDisk::new(1);
                sim.set_yields_max(3);
                crate::disk::sim::run(async {
                    let root = std::path::PathBuf::from("/data");
                    sim.disk().create_dir_all(&root).await.expect("an empty disk");
                    super::$name(sim.disk(), root).await;
                });
            })*
        }
        mod on_plain_calls {
            $(#[test]
            fn $name() {
                let dir = tempfile::tempdir().expect("a directory");
                let disk = crate::disk::PlainDisk::disk(crate::disk::Access::ReadWrite);
                crate::disk::sim::run(super::$name(disk, dir.path().to_path_buf()));
            })*
        }
        mod on_glommio {
            $(#[test]
            fn $name() {
                crate::disk::glommio::glommio_test::on_an_executor(super::$name);
            })*
        }
    };
}

on_every_disk!(
    what_was_written_is_read_at_any_alignment,
    a_read_past_the_end_is_an_error,
    the_end_of_an_unaligned_file_reads_exactly,
    a_large_write_and_read_pass_in_pieces,
    a_part_of_a_buffer_is_written,
    a_buffer_comes_back_and_is_used_again,
    a_file_with_durable_writes_is_an_ordinary_file_otherwise,
    allocation_extends_with_zeros,
    truncation_cuts_and_extends_with_zeros,
    an_absent_file_is_not_found,
    creating_does_not_empty_a_file,
    a_directory_lists_its_entries,
    a_rename_replaces,
    a_removed_file_stays_readable_until_closed,
    a_directory_is_removed_if_it_is_empty,
    a_directory_is_removed_with_its_content,
    a_closed_file_refuses,
    small_files_are_replaced_whole,
    opens_and_removes_of_one_path_do_not_meet,
    relative_paths_are_refused,
    concurrent_writes_all_arrive,
    space_is_reported,
);

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8 ^ (at / 4096) as u8).collect()
}

fn buffer_of(disk: &Disk, content: &[u8]) -> IoBuf {
    let mut buffer = disk.allocate_buffer(content.len());
    buffer.as_mut_slice()[..content.len()].copy_from_slice(content);
    buffer
}

async fn file_with(disk: &Disk, path: &Path, content: &[u8]) -> File {
    let file = disk.open(path, CREATE).await.expect("create");
    let buffer = buffer_of(disk, content);
    let bytes = buffer.capacity();
    file.write_at(buffer, bytes, 0).await.expect("write");
    file.truncate(content.len() as u64).await.expect("truncate");
    file.sync().await.expect("sync");
    file
}

fn kind<T>(result: io::Result<T>) -> io::ErrorKind {
    result.err().expect("an error").kind()
}

async fn what_was_written_is_read_at_any_alignment(disk: Disk, root: PathBuf) {
    let content = pattern(4 * BLOCK_BYTES);
    let file = file_with(&disk, &root.join("f"), &content).await;
    for start in [0, 1, 511, 512, 4095, 4096, 4097, 9000] {
        for bytes in [0, 1, 100, 4095, 4096, 4097, 7000] {
            let read = file.read_at(start as u64, bytes).await.expect("within the file");
            assert_eq!(read, content[start..start + bytes], "{bytes} at {start}");
        }
    }
    file.close().await.expect("close");
}

async fn a_read_past_the_end_is_an_error(disk: Disk, root: PathBuf) {
    let file = file_with(&disk, &root.join("f"), &pattern(5000)).await;
    for (position, bytes) in
        [(0, 5001), (4999, 2), (5000, 1), (4096, 4096), (1 << 40, 1), (u64::MAX, 2), (0, 1 << 45)]
    {
        let read = file.read_at(position, bytes).await;
        assert_eq!(kind(read), io::ErrorKind::UnexpectedEof, "{bytes} at {position}");
    }
    file.close().await.expect("close");
}

async fn the_end_of_an_unaligned_file_reads_exactly(disk: Disk, root: PathBuf) {
    let content = pattern(5000);
    let file = file_with(&disk, &root.join("f"), &content).await;
    assert_eq!(file.bytes().expect("open"), 5000);
    for start in [0, 4095, 4096, 4500, 4999, 5000] {
        let read = file.read_at(start as u64, 5000 - start).await.expect("within the file");
        assert_eq!(read, content[start..], "from {start}");
    }
    file.close().await.expect("close");
}

async fn a_large_write_and_read_pass_in_pieces(disk: Disk, root: PathBuf) {
    let content = pattern(5 * IO_BYTES_MAX + 3 * BLOCK_BYTES);
    let file = file_with(&disk, &root.join("f"), &content).await;
    assert!(file.read_at(0, content.len()).await.expect("whole") == content);
    let start = IO_BYTES_MAX - 7;
    let read = file.read_at(start as u64, 2 * IO_BYTES_MAX).await.expect("unaligned");
    assert!(read == content[start..start + 2 * IO_BYTES_MAX]);
    file.close().await.expect("close");
}

async fn a_part_of_a_buffer_is_written(disk: Disk, root: PathBuf) {
    let file = disk.open(&root.join("f"), CREATE).await.expect("create");
    let content = pattern(3 * BLOCK_BYTES);
    let buffer = buffer_of(&disk, &content);
    let buffer = file.write_at(buffer, BLOCK_BYTES, 0).await.expect("write");
    assert_eq!(file.bytes().expect("open"), BLOCK);
    assert_eq!(buffer.as_slice(), content);
    let buffer = file.write_at(buffer, 0, BLOCK).await.expect("nothing");
    assert_eq!(buffer.capacity(), 3 * BLOCK_BYTES);
    assert_eq!(file.read_at(0, BLOCK_BYTES).await.expect("read"), content[..BLOCK_BYTES]);
    file.close().await.expect("close");
}

async fn a_buffer_comes_back_and_is_used_again(disk: Disk, root: PathBuf) {
    let file = disk.open(&root.join("f"), CREATE).await.expect("create");
    let mut buffer = disk.allocate_buffer(2 * BLOCK_BYTES - 1);
    assert_eq!(buffer.capacity(), 2 * BLOCK_BYTES);
    for round in 0..5_u8 {
        buffer.as_mut_slice().fill(round);
        let position = u64::from(round) * 2 * BLOCK;
        buffer = file.write_at(buffer, 2 * BLOCK_BYTES, position).await.expect("write");
    }
    for round in 0..5_u8 {
        let read = file.read_at(u64::from(round) * 2 * BLOCK, 2 * BLOCK_BYTES).await.expect("read");
        assert!(read.iter().all(|byte| *byte == round));
    }
    assert_eq!(disk.allocate_buffer(0).capacity(), BLOCK_BYTES);
    file.close().await.expect("close");
}

async fn a_file_with_durable_writes_is_an_ordinary_file_otherwise(disk: Disk, root: PathBuf) {
    let mode = OpenMode { create: true, durable_writes: true };
    let file = disk.open(&root.join("f"), mode).await.expect("create");
    let content = pattern(2 * BLOCK_BYTES);
    file.write_at(buffer_of(&disk, &content), 2 * BLOCK_BYTES, BLOCK).await.expect("write");
    assert_eq!(file.read_at(BLOCK, 2 * BLOCK_BYTES).await.expect("read"), content);
    assert_eq!(file.read_at(0, BLOCK_BYTES).await.expect("hole"), vec![0; BLOCK_BYTES]);
    file.close().await.expect("close");
}

async fn allocation_extends_with_zeros(disk: Disk, root: PathBuf) {
    let content = pattern(BLOCK_BYTES);
    let file = file_with(&disk, &root.join("f"), &content).await;
    file.allocate(10 * BLOCK).await.expect("allocate");
    assert_eq!(file.bytes().expect("open"), 10 * BLOCK);
    file.allocate(0).await.expect("nothing");
    file.allocate(BLOCK).await.expect("there already");
    assert_eq!(file.bytes().expect("open"), 10 * BLOCK);
    assert_eq!(file.read_at(0, BLOCK_BYTES).await.expect("read"), content);
    assert_eq!(file.read_at(BLOCK, 9 * BLOCK_BYTES).await.expect("read"), vec![0; 9 * BLOCK_BYTES]);
    file.close().await.expect("close");
}

async fn truncation_cuts_and_extends_with_zeros(disk: Disk, root: PathBuf) {
    let content = pattern(3 * BLOCK_BYTES);
    let file = file_with(&disk, &root.join("f"), &content).await;
    file.truncate(5000).await.expect("cut");
    assert_eq!(file.bytes().expect("open"), 5000);
    file.truncate(3 * BLOCK).await.expect("extend");
    let read = file.read_at(0, 3 * BLOCK_BYTES).await.expect("read");
    assert_eq!(read[..5000], content[..5000]);
    assert!(read[5000..].iter().all(|byte| *byte == 0));
    file.close().await.expect("close");
}

async fn an_absent_file_is_not_found(disk: Disk, root: PathBuf) {
    let absent = root.join("absent");
    let open = disk.open(&absent, OpenMode::default()).await.map(drop);
    assert_eq!(kind(open), io::ErrorKind::NotFound);
    let open = disk.open(&absent.join("f"), CREATE).await.map(drop);
    assert_eq!(kind(open), io::ErrorKind::NotFound);
    assert_eq!(kind(disk.open(&root, CREATE).await.map(drop)), io::ErrorKind::IsADirectory);
    assert_eq!(kind(disk.remove_file(&absent).await), io::ErrorKind::NotFound);
    assert_eq!(kind(disk.remove_dir_all(&absent).await), io::ErrorKind::NotFound);
    assert_eq!(kind(disk.rename(&absent, &root.join("f")).await), io::ErrorKind::NotFound);
    assert_eq!(kind(disk.list_dir(&absent).await), io::ErrorKind::NotFound);
    assert_eq!(kind(disk.sync_dir(&absent).await), io::ErrorKind::NotFound);
    assert_eq!(kind(disk.read_file(&absent, 10).await), io::ErrorKind::NotFound);
}

async fn creating_does_not_empty_a_file(disk: Disk, root: PathBuf) {
    let path = root.join("f");
    file_with(&disk, &path, &pattern(100)).await.close().await.expect("close");
    let file = disk.open(&path, CREATE).await.expect("open");
    assert_eq!(file.read_at(0, 100).await.expect("read"), pattern(100));
    file.close().await.expect("close");
}

async fn a_directory_lists_its_entries(disk: Disk, root: PathBuf) {
    let dir = root.join("a");
    disk.create_dir_all(&dir.join("sub/deeper")).await.expect("create");
    disk.create_dir_all(&dir.join("sub")).await.expect("there already");
    for name in ["z", "b"] {
        file_with(&disk, &dir.join(name), &pattern(10)).await.close().await.expect("close");
    }
    file_with(&disk, &dir.join("sub/x"), &pattern(10)).await.close().await.expect("close");
    disk.sync_dir(&dir).await.expect("sync");
    let entries = disk.list_dir(&dir).await.expect("list");
    let names: Vec<_> = entries.iter().map(|entry| (&*entry.name, entry.is_dir)).collect();
    assert_eq!(names, [("b", false), ("sub", true), ("z", false)]);
    assert_eq!(entries[0].bytes, 10);
}

async fn a_rename_replaces(disk: Disk, root: PathBuf) {
    let (from, to) = (root.join("from"), root.join("to"));
    file_with(&disk, &from, b"new").await.close().await.expect("close");
    file_with(&disk, &to, b"old!").await.close().await.expect("close");
    disk.rename(&from, &to).await.expect("rename");
    assert_eq!(disk.read_file(&to, 10).await.expect("read"), &b"new"[..]);
    assert_eq!(kind(disk.read_file(&from, 10).await), io::ErrorKind::NotFound);
    disk.create_dir_all(&root.join("d1/in")).await.expect("create");
    disk.rename(&root.join("d1"), &root.join("d2")).await.expect("rename");
    assert_eq!(disk.list_dir(&root.join("d2")).await.expect("list").len(), 1);
    assert_eq!(kind(disk.list_dir(&root.join("d1/in")).await), io::ErrorKind::NotFound);
}

async fn a_removed_file_stays_readable_until_closed(disk: Disk, root: PathBuf) {
    let path = root.join("f");
    let file = file_with(&disk, &path, &pattern(6000)).await;
    disk.remove_file(&path).await.expect("remove");
    assert_eq!(file.bytes().expect("open"), 6000);
    assert_eq!(file.read_at(10, 5990).await.expect("read"), pattern(6000)[10..]);
    file.close().await.expect("close");
    assert_eq!(kind(disk.read_file(&path, 10_000).await), io::ErrorKind::NotFound);
}

async fn a_directory_is_removed_if_it_is_empty(disk: Disk, root: PathBuf) {
    let (above, below) = (root.join("a"), root.join("a/b"));
    disk.create_dir_all(&below).await.expect("create");
    assert_eq!(kind(disk.remove_dir(&above).await), io::ErrorKind::DirectoryNotEmpty);
    disk.remove_dir(&below).await.expect("remove");
    assert_eq!(disk.list_dir(&above).await.expect("list"), []);
    disk.remove_dir(&above).await.expect("remove");
    assert_eq!(kind(disk.remove_dir(&above).await), io::ErrorKind::NotFound);
}

async fn a_directory_is_removed_with_its_content(disk: Disk, root: PathBuf) {
    disk.create_dir_all(&root.join("a/b")).await.expect("create");
    disk.write_file_durably(&root.join("a/b/f"), b"x").await.expect("write");
    disk.remove_dir_all(&root.join("a")).await.expect("remove");
    assert_eq!(kind(disk.list_dir(&root.join("a/b")).await), io::ErrorKind::NotFound);
    disk.create_dir_all(&root.join("a/b")).await.expect("create");
    assert_eq!(disk.list_dir(&root.join("a/b")).await.expect("list"), []);
}

async fn a_closed_file_refuses(disk: Disk, root: PathBuf) {
    let file = file_with(&disk, &root.join("f"), b"x").await;
    let clone = file.clone();
    file.close().await.expect("close");
    let errno = |error: Option<io::Error>| error.and_then(|error| error.raw_os_error());
    assert_eq!(errno(clone.bytes().err()), Some(libc::EBADF));
    assert_eq!(errno(clone.read_at(0, 1).await.err()), Some(libc::EBADF));
    let buffer = disk.allocate_buffer(BLOCK_BYTES);
    assert_eq!(errno(clone.write_at(buffer, BLOCK_BYTES, 0).await.err()), Some(libc::EBADF));
    assert_eq!(errno(clone.close().await.err()), Some(libc::EBADF));
}

async fn small_files_are_replaced_whole(disk: Disk, root: PathBuf) {
    let path = root.join("meta");
    for content in [&b"a longer one"[..], b"short", b"", &pattern(9000)] {
        disk.write_file_durably(&path, content).await.expect("write");
        assert_eq!(disk.read_file(&path, 9000).await.expect("read"), content);
    }
    assert_eq!(kind(disk.read_file(&path, 8999).await), io::ErrorKind::InvalidData);
    let names = disk.list_dir(&root).await.expect("list");
    assert!(!names.iter().any(|entry| entry.name == "meta.tmp"));
}

async fn opens_and_removes_of_one_path_do_not_meet(disk: Disk, root: PathBuf) {
    let path = root.join("f");
    for _ in 0..30 {
        let rounds = (0..8).map(|round| {
            let (disk, path) = (&disk, &path);
            async move {
                if round % 2 == 0 {
                    let file = disk.open(path, CREATE).await.expect("create");
                    file.close().await.expect("close");
                } else if let Err(error) = disk.remove_file(path).await {
                    assert_eq!(error.kind(), io::ErrorKind::NotFound);
                }
            }
        });
        join_all(rounds).await;
    }
}

async fn relative_paths_are_refused(disk: Disk, _root: PathBuf) {
    let open = disk.open(Path::new("f"), CREATE).await.map(drop);
    assert_eq!(kind(open), io::ErrorKind::InvalidInput);
    assert_eq!(kind(disk.list_dir(Path::new("."),).await), io::ErrorKind::InvalidInput);
}

async fn concurrent_writes_all_arrive(disk: Disk, root: PathBuf) {
    let mode = OpenMode { create: true, durable_writes: true };
    let file = disk.open(&root.join("f"), mode).await.expect("create");
    let writes = (0..64_u8).map(|number| {
        let mut buffer = disk.allocate_buffer(BLOCK_BYTES);
        buffer.as_mut_slice().fill(number);
        file.write_at(buffer, BLOCK_BYTES, u64::from(number) * BLOCK)
    });
    for written in join_all(writes).await {
        written.expect("write");
    }
    for number in 0..64_u8 {
        let read = file.read_at(u64::from(number) * BLOCK, BLOCK_BYTES).await.expect("read");
        assert!(read.iter().all(|byte| *byte == number));
    }
    file.close().await.expect("close");
}

async fn space_is_reported(disk: Disk, root: PathBuf) {
    let space = disk.space(&root).await.expect("space");
    assert!(0 < space.free_bytes && space.free_bytes <= space.total_bytes);
}

#[test]
fn a_full_disk_is_told_from_other_failures() {
    assert!(is_disk_full(&io::Error::from_raw_os_error(libc::ENOSPC)));
    assert!(is_disk_full(&io::Error::from_raw_os_error(libc::EDQUOT)));
    assert!(is_disk_full(&io::ErrorKind::StorageFull.into()));
    assert!(!is_disk_full(&io::Error::from_raw_os_error(libc::EIO)));
}
