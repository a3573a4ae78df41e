use super::*;

#[test]
fn only_what_is_missing_is_installed() {
    assert_eq!(packages_missing(|_| true), Vec::<&str>::new());
    assert_eq!(packages_missing(|program| program != "kcat"), ["kcat"]);
    assert_eq!(packages_missing(|program| program != "cc"), ["build-essential"]);
}

#[test]
fn every_script_that_is_run_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for run in RUNS {
        let script = run.call.get(1).expect(run.name);
        assert!(root.join(script).is_file(), "{script}");
    }
}
