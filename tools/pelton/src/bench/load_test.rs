use clap::Parser;
use pelton_bench::plan::Workload;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: LoadArgs,
}

fn planned(preset: Preset, line: &[&str]) -> Plan {
    let line = Line::try_parse_from([&["bench"], line].concat()).unwrap();
    plan(&line.args, preset)
}

#[test]
fn a_preset_gives_way_to_the_command_line() {
    let single = planned(Preset::SINGLE_RECORD, &[]);
    assert_eq!((single.batch.records, single.in_flight, single.connections), (1, 1, 8));
    let more = planned(Preset::SINGLE_RECORD, &["--in-flight", "64", "--record-bytes", "1kB"]);
    assert_eq!((more.batch.records, more.in_flight, more.batch.value_bytes), (1, 64, 1000));
    more.check().unwrap();
}

#[test]
fn over_many_partitions_requests_are_filled() {
    let plan = planned(Preset::MANY_PARTITIONS, &[]);
    assert_eq!((plan.topic.partitions, plan.batches_per_request), (1000, 65));
    assert!(plan.request_bytes() <= 1 << 20);
    let plan = planned(Preset::MANY_PARTITIONS, &["--records", "10000"]);
    assert_eq!(plan.batches_per_request, 1);
}

#[test]
fn all_presets_make_plans_that_have_sense() {
    for preset in [
        Preset::PRODUCE,
        Preset::FETCH,
        Preset::END_TO_END,
        Preset::CATCH_UP,
        Preset::MANY_PARTITIONS,
        Preset::MANY_CONNECTIONS,
        Preset::SINGLE_RECORD,
    ] {
        planned(preset, &[]).check().unwrap();
    }
    assert_eq!(planned(Preset::CATCH_UP, &[]).workload, Workload::CatchUp);
}

#[test]
fn sizes_that_no_broker_takes_are_refused_and_overflow_nothing() {
    let plan = planned(Preset::PRODUCE, &["--record-bytes", "10000000000000000000"]);
    assert!(plan.check().is_err());
}
