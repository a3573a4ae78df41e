use super::*;

#[test]
fn one_in_twenty_may_survive() {
    assert_eq!(verdict(19, 1), Ok(()));
    assert!(verdict(18, 1).is_err());
    assert!(verdict(0, 0).is_err(), "nothing was tried");
}

#[test]
fn every_target_is_there() {
    let repository = Repository::locate().expect("this repository");
    for file in TARGETS.iter().flat_map(|(_, files)| files.iter()) {
        let folder = file.split("**").next().unwrap_or_default();
        assert!(repository.files().iter().any(|it| it.starts_with(folder)), "{file}");
    }
}
