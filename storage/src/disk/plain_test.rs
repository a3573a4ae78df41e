use super::*;
use crate::disk::sim::run;

#[test]
fn a_read_only_disk_reads_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    fs::write(&path, b"content").expect("a file");
    run(async {
        let disk = PlainDisk::disk(Access::ReadOnly);
        assert_eq!(&disk.read_file(&path, 100).await.expect("read")[..], b"content");
        let is_refused = |error: io::Error| error.raw_os_error() == Some(libc::EROFS);
        let file = disk.open(&path, OpenMode::default()).await.expect("opened");
        assert!(file.truncate(0).await.is_err_and(is_refused));
        assert!(disk.remove_file(&path).await.is_err_and(is_refused));
        assert!(disk.write_file_durably(&path, b"other").await.is_err());
        assert!(disk.create_dir_all(&dir.path().join("b")).await.is_err_and(is_refused));
    });
    assert_eq!(fs::read(&path).expect("a file"), b"content");
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
}
