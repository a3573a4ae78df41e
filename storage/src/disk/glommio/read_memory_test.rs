use std::fs;
use std::path::PathBuf;
use std::thread;

use ::glommio::io::DmaFile;
use pelton_model::limits::BLOCK_BYTES;

use super::*;
use crate::disk::glommio::glommio_test::on_an_executor;
use crate::disk::{Disk, OpenMode};

/// A block of each number, in a file that was read as a whole.
async fn read_of(root: PathBuf, blocks: &[u8]) -> ReadResult {
    let content: Vec<u8> = blocks.iter().flat_map(|number| [*number; BLOCK_BYTES]).collect();
    let path = root.join("f");
    fs::write(&path, &content).expect("write");
    let file = DmaFile::open(&path).await.expect("open");
    let read = file.read_at_aligned(0, content.len()).await.expect("read");
    file.close().await.expect("close");
    read
}

#[test]
fn a_part_of_a_read_lies_where_it_was_read() {
    on_an_executor(|_, root| async move {
        let read = read_of(root, &[1, 2, 3]).await;
        let start = read.as_ptr();
        let bytes = Home::here().bytes_of(read, BLOCK_BYTES - 1, 3);
        assert_eq!(bytes[..], [1, 2, 2]);
        assert_eq!(bytes.as_ptr(), start.wrapping_add(BLOCK_BYTES - 1));
    });
}

#[test]
fn a_file_is_read_without_a_copy() {
    on_an_executor(|disk, root| async move {
        let path = root.join("f");
        fs::write(&path, [7; 3 * BLOCK_BYTES]).expect("write");
        let file = disk.open(&path, OpenMode::default()).await.expect("open");
        for at in [1, 4095, 4099] {
            let bytes = file.read_at(at, 5000).await.expect("read");
            // A copy would be aligned as the allocator does it.
            let misaligned = bytes.as_ptr().addr() % BLOCK_BYTES;
            assert_eq!(misaligned as u64, at % BLOCK_BYTES as u64);
        }
        file.close().await.expect("close");
    });
}

#[test]
fn what_is_held_stays_while_others_read() {
    on_an_executor(|disk: Disk, root| async move {
        let path = root.join("f");
        let content: Vec<u8> = (1..=16).flat_map(|number| [number; BLOCK_BYTES]).collect();
        fs::write(&path, &content).expect("write");
        let file = disk.open(&path, OpenMode::default()).await.expect("open");
        let mut held = Vec::new();
        for round in 0..400 {
            let number = round % 16;
            let at = number * BLOCK_BYTES + 10;
            let bytes = file.read_at(at as u64, 100).await.expect("read");
            // Part of a read keeps it, and every third is let go, so that memory is used again.
            if round % 3 != 0 {
                held.push((number as u8 + 1, bytes.slice(40..60)));
            }
        }
        file.close().await.expect("close");
        assert!(held.iter().all(|(number, bytes)| bytes[..] == [*number; 20]));
    });
}

#[test]
fn what_is_dropped_on_another_thread_is_freed_at_home() {
    on_an_executor(|_, root| async move {
        let home = Home::here();
        let bytes = home.bytes_of(read_of(root.clone(), &[5]).await, 0, 100);
        let part = bytes.slice(10..20);
        thread::scope(|scope| {
            scope.spawn(move || drop(bytes));
        });
        assert!(home.strays().is_empty(), "a clone is left");
        thread::scope(|scope| {
            scope.spawn(move || {
                assert_eq!(part[..], [5; 10]);
                drop(part);
            });
        });
        assert_eq!(home.strays().len(), 1);
        let next = home.bytes_of(read_of(root, &[6]).await, 0, 100);
        assert!(home.strays().is_empty());
        // At home nothing strays.
        drop(next);
        assert!(home.strays().is_empty());
    });
}
