use super::*;

const MIB: u64 = 1 << 20;

fn plan(directory: &Path, tests: Vec<DiskTest>) -> DiskPlan {
    DiskPlan {
        directory: directory.into(),
        file_bytes: 4 * MIB,
        seconds: 0.05,
        bytes_per_second: None,
        tests,
    }
}

/// Beside the build, which lies on a file system of a disk.
fn directory() -> tempfile::TempDir {
    let here = std::env::current_exe().unwrap();
    tempfile::tempdir_in(here.parent().unwrap()).unwrap()
}

#[test]
fn every_test_measures_something_and_leaves_nothing_behind() {
    let directory = directory();
    let plan = plan(directory.path(), DiskTest::all(64 << 10, 4));
    let mut heard = Vec::new();
    let figures = run_disk(&plan, &mut |figure| heard.push(figure.test.name)).unwrap();
    assert_eq!(figures.len(), plan.tests.len());
    assert_eq!(heard, plan.tests.iter().map(|test| test.name).collect::<Vec<_>>());
    for figure in &figures {
        let counts = figure.tally.counts;
        assert!(counts.requests > 0, "{}", figure.test.name);
        assert_eq!(counts.bytes, counts.requests * figure.test.block_bytes);
        assert_eq!(figure.tally.latencies.len(), counts.requests);
        if figure.test.file != FileState::Overwritten {
            assert!(counts.bytes <= plan.file_bytes);
        }
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);

    let mut table = Vec::new();
    write_disk_table(&figures, &mut table).unwrap();
    assert_eq!(String::from_utf8(table).unwrap().lines().count(), 1 + figures.len());
    let json = disk_json(&plan, &figures);
    assert_eq!(json["figures"][1]["test"]["operation"]["write"], "dsync");
}

#[test]
fn what_is_read_was_all_written() {
    let directory = directory();
    let tests = DiskTest::all(ALIGNMENT, 4).into_iter().filter(|test| test.name == "read");
    let mut plan = plan(directory.path(), tests.collect());
    plan.file_bytes = 2 * MIB - ALIGNMENT;
    assert_eq!(plan.whole_file_bytes(), MIB);
    // It ends neither within a block nor behind the last that was written.
    assert!(run_disk(&plan, &mut |_| ()).unwrap()[0].tally.counts.requests > 0);
}

#[test]
fn at_a_rate_it_writes_no_more_than_that() {
    let directory = directory();
    let tests = DiskTest::all(64 << 10, 4).into_iter().filter(|test| test.name == "write-dsync");
    let mut plan = plan(directory.path(), tests.collect());
    plan.seconds = 0.4;
    plan.bytes_per_second = Some(5e6);
    let figures = run_disk(&plan, &mut |_| ()).unwrap();
    // 5 MB/s are 76 blocks a second, the first of them at once.
    assert_eq!(figures[0].tally.latencies.len(), 31);
    assert_eq!(figures[0].tally.failures.unsent, 0);
}

#[test]
fn a_plan_without_sense_is_refused() {
    let directory = directory();
    let refused = |change: fn(&mut DiskPlan), word: &str| {
        let mut plan = plan(directory.path(), DiskTest::all(64 << 10, 4));
        change(&mut plan);
        let error = plan.check().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    refused(|plan| plan.tests[0].block_bytes = 1000, "multiple");
    refused(|plan| plan.tests[0].block_bytes = 0, "multiple");
    refused(|plan| plan.tests[0].depth = 0, "depth");
    refused(|plan| plan.tests[0].depth = DEPTH_MAX + 1, "depth");
    refused(|plan| plan.tests[0].block_bytes = 2 * MIB, "room");
    refused(|plan| plan.file_bytes = MIB - 1, "1 MiB at least");
    refused(|plan| plan.file_bytes = 1 << 50, "take a smaller file");
    refused(|plan| plan.file_bytes = u64::MAX, "take a smaller file");
    refused(|plan| plan.seconds = 0.0, "time");
    refused(|plan| plan.seconds = 1e19, "time");
    refused(|plan| plan.bytes_per_second = Some(f64::NAN), "rate");
    refused(|plan| plan.bytes_per_second = Some(1e18), "rate");
    refused(|plan| plan.directory = "/no/such/place".into(), "/no/such/place");
}
