use std::path::Path;

use bytes::Bytes;

use super::{AppendFile, DurableWrites};
use crate::disk::sim::{CrashChoice, Fault, FaultError, Operation, SimDisk, run};

const PATH: &str = "/d/log";

async fn open(sim: &SimDisk) -> (AppendFile, Bytes) {
    let disk = sim.disk();
    disk.create_dir_all(Path::new("/d")).await.expect("made");
    disk.sync_dir(Path::new("/")).await.expect("synced");
    AppendFile::open(&disk, Path::new(PATH), DurableWrites::Yes).await.expect("opened")
}

async fn append(file: &mut AppendFile, byte: u8, count: usize) {
    file.append(&[vec![byte; count].into()]).await.expect("appended");
}

async fn after_a_cut(sim: &SimDisk) -> Bytes {
    open(&sim.crash(&mut CrashChoice::lose_all())).await.1
}

#[test]
fn what_is_appended_behind_a_cut_joins_with_what_is_left() {
    let sim = SimDisk::new(1);
    run(async {
        let (mut file, _) = open(&sim).await;
        append(&mut file, b'a', 10_000).await;
        for end in [9_000, 4_096, 100, 0] {
            file.cut(end).await.expect("cut");
            assert_eq!(file.end(), end);
            append(&mut file, b'b', 20).await;
            let content = after_a_cut(&sim).await;
            let (kept, new) = content.split_at(end as usize);
            assert!(kept.iter().all(|byte| [b'a', b'b'].contains(byte)), "{end}");
            assert_eq!(&new[..20], [b'b'; 20], "{end}");
            assert!(new[20..].iter().all(|byte| *byte == 0), "{end}");
        }
    });
}

/// A snapshot has taken over what the log said; nothing that may be lacking keeps the log from being
/// begun anew, and so no hole comes to stand before what is written next.
#[test]
fn a_log_is_begun_anew_where_no_file_can_be_opened() {
    let sim = SimDisk::new(1);
    run(async {
        let (mut file, _) = open(&sim).await;
        append(&mut file, b'a', 10_000).await;
        sim.inject(Fault::new(Operation::Open, FaultError::Errno(libc::EMFILE)).lasting());
        file.restart().await.expect("begun anew");
        append(&mut file, b'b', 20).await;
        sim.clear_faults();
        assert_eq!(&after_a_cut(&sim).await[..20], [b'b'; 20]);
    });
}
