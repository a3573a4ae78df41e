use super::*;

#[test]
fn the_last_report_stays_until_there_is_another() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    std::fs::write(&path, "the one before, which was longer").unwrap();
    // Of a run that fails.
    drop(create(&Some(path.clone())).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the one before, which was longer");
    let output = create(&Some(path.clone())).unwrap();
    write_to(output, |file| file.write_all(b"another")).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "another");
    let device = create(&Some("/dev/null".into())).unwrap();
    write_to(device, |file| file.write_all(b"nothing")).unwrap();
}
