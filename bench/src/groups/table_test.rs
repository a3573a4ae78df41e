use super::{GroupEvent, GroupMeasure, write_groups_table};
use crate::groups::{GroupProtocol, GroupsPlan};

#[test]
fn a_line_has_the_median_and_the_worst_of_its_event() {
    let plan = GroupsPlan {
        bootstrap: String::new(),
        protocol: GroupProtocol::Consumer,
        members: 10,
        partitions: 20,
        rounds: 3,
        deaths: 3,
        rest_seconds: 0,
        heartbeat_ms: 1,
        session_ms: 1,
        server_pid: None,
    };
    let measure = |seconds, server_cpu_seconds| GroupMeasure {
        event: GroupEvent::OneLeaves,
        seconds,
        server_cpu_seconds,
    };
    let figures = [measure(0.3, Some(0.02)), measure(1.5, Some(0.01)), measure(0.2, Some(0.05))];
    let mut text = Vec::new();
    write_groups_table(&plan, &figures, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let words: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
    let expected = "one leaves consumer 10 20 3 300.0 ms 1.50 s 20.0 ms";
    assert_eq!(words.join(" "), expected);
    assert_eq!(text.lines().count(), 2, "what was not measured has no line");
}
