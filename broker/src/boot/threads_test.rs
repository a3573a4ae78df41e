use super::*;

#[test]
fn a_data_directory_is_made_with_all_that_is_missing_above_it_and_kept_if_it_is_there() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("a/b/data");
    create_durably(&data).unwrap();
    std::fs::write(data.join("kept"), "").unwrap();
    create_durably(&data).unwrap();
    assert!(data.join("kept").exists());
}
