use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: DiskArgs,
}

fn planned(line: &[&str]) -> Result<DiskPlan> {
    plan(&Line::try_parse_from([&["disk"], line].concat()).unwrap().args)
}

#[test]
fn tests_are_chosen_by_name_and_an_unknown_name_lists_them() {
    let plan = planned(&["--only", "read,latency-dsync", "--block", "1MiB"]).unwrap();
    let names: Vec<_> = plan.tests.iter().map(|test| (test.name, test.block_bytes)).collect();
    assert_eq!(names, [("read", 1 << 20), ("latency-dsync", 4096)]);
    let Err(Failure::Usage(reason)) = planned(&["--only", "wrote"]) else { panic!("accepted") };
    assert!(reason.contains("wrote") && reason.contains("write-dsync"), "{reason}");
}

#[test]
fn at_a_rate_only_what_has_one_is_run() {
    let plan = planned(&["--rate", "450MB/s"]).unwrap();
    assert_eq!(plan.bytes_per_second, Some(450e6));
    assert!(plan.tests.iter().all(|test| !test.is_latency) && !plan.tests.is_empty());
    assert!(planned(&["--rate", "20k"]).is_err());
}
