use super::*;

#[test]
fn only_what_is_missing_is_installed() {
    assert_eq!(packages_missing(|_| true), Vec::<&str>::new());
    assert_eq!(packages_missing(|program| program != "kcat"), ["kcat"]);
    assert_eq!(packages_missing(|program| program != "cc"), ["build-essential"]);
}
