use super::*;

#[test]
fn a_wish_is_read_as_it_is_told() {
    assert_eq!(Wish::parse(&[]), Some(Wish::DEFAULT));
    let wish = Wish::parse(&["--kills", "7", "--power-cuts", "8", "--seeds", "9"]);
    assert_eq!(wish, Some(Wish { seeds: 9, kills: 7, power_cuts: 8 }));
    for bad in [&["--kills"][..], &["--kills", "0"], &["--kills", "x"], &["7"], &["--more", "7"]] {
        assert_eq!(Wish::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn images_are_added_up_and_skipped_parts_are_shown() {
    let mut summary = Summary::default();
    for line in
        ["12 images", "30 images", "==== SKIPPED: x", "full at 3 points of 4", "test x ... ok"]
    {
        summary.take(line);
    }
    assert_eq!(summary.images, 42);
    assert_eq!(summary.lines, ["  ==== SKIPPED: x", "  full at 3 points of 4"]);
}

#[test]
fn what_a_test_that_runs_alone_says_first_is_taken_too() {
    let mut summary = Summary::default();
    for line in ["test a ... 12 images", "30 images", "test b ... full at 3 points of 4", "ok"] {
        summary.take(line);
    }
    assert_eq!(summary.images, 42);
    assert_eq!(summary.lines, ["  full at 3 points of 4"]);
}

#[test]
fn every_test_of_the_laboratory_that_can_go_on_for_longer_is_told_to() {
    let parts = parts(Wish::DEFAULT);
    let repository = Repository::locate().expect("this repository");
    let mut found = 0;
    for (path, text) in repository.rust_sources().expect("read") {
        let test = path.strip_prefix("storage/tests/").and_then(|rest| rest.split('/').next());
        let Some(test) = test.map(|test| test.trim_end_matches(".rs")) else { continue };
        for setting in ["PELTON_SEEDS", "PELTON_FLIPS"] {
            if !text.contains(&format!("\"{setting}\"")) {
                continue;
            }
            found += 1;
            let is_told = |part: &Part| {
                part.test.last() == Some(&test)
                    && part.settings.iter().any(|it| it.starts_with(setting))
            };
            assert!(parts.iter().any(is_told), "{path} reads {setting}");
        }
    }
    assert!(found >= 3, "{found}");
}
