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
    for file in TARGETS.iter().flat_map(|target| target.files.iter()) {
        let folder = file.split("**").next().unwrap_or_default();
        assert!(repository.files().iter().any(|it| it.starts_with(folder)), "{file}");
    }
}

#[test]
fn a_sample_is_one_of_so_many() {
    let parse = |line: &'static str| {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        Wish::parse(&arguments)
    };
    let all = Wish { one_of: 1, sample: 0, files: Vec::new() };
    assert_eq!(parse(""), Some(all.clone()));
    assert_eq!(parse("--one-of 8"), Some(Wish { one_of: 8, ..all.clone() }));
    let files = vec!["storage/src/wire.rs"];
    let third = Wish { one_of: 8, sample: 2, files };
    assert_eq!(parse("--one-of 8 --sample 2 storage/src/wire.rs"), Some(third));
    for line in ["--one-of 0", "--one-of", "--sample 1", "--one-of 8 --sample 8", "--all"] {
        assert_eq!(parse(line), None, "{line}");
    }
}

#[test]
fn a_file_is_of_one_target() {
    let of = |file: &str| {
        let targets = TARGETS.iter().filter(|target| is_among(file, target.files));
        targets.map(|target| target.name).collect::<Vec<_>>()
    };
    assert_eq!(of("storage/src/log/recover.rs"), ["recovery"]);
    assert_eq!(of("storage/src/wire.rs"), ["journal"]);
    assert_eq!(of("storage/model/src/batch/scan.rs"), ["model"]);
    assert!(of("storage/src/log/carry.rs").is_empty());
}

#[test]
fn what_an_earlier_run_found_is_not_judged_again() {
    let folder = format!("pelton-mutants-{}", std::process::id());
    let output = std::env::temp_dir().join(folder);
    std::fs::create_dir(&output).expect("a folder");
    for name in ["caught.txt", "timeout.txt", "missed.txt"] {
        std::fs::write(output.join(name), "one\n").expect("written");
    }
    assert!(judge(&output, "earlier").is_ok());
    forget(&output).expect("removed");
    assert!(judge(&output, "earlier").is_err());
    forget(&output).expect("nothing to remove");
}
