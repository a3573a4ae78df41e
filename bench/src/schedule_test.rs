use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn connections_share_a_rate_and_interleave() {
    let begin = crate::clock::now();
    let until = Until::Time(begin + 1000 * MS);
    let mut due: Vec<_> = (0..4)
        .flat_map(|index| {
            let mut schedule = Schedule::at_rate(1000.0, index, 4, begin, until);
            std::iter::from_fn(move || {
                let due = schedule.next_due(begin)?;
                schedule.take();
                Some(due - begin)
            })
        })
        .collect();
    due.sort();
    let expected: Vec<_> = (0..1000).map(|at| at * MS).collect();
    assert_eq!(due, expected);
}

#[test]
fn what_is_due_does_not_move_when_the_broker_stalls() {
    let begin = crate::clock::now();
    let until = Until::Time(begin + 100 * MS);
    let mut schedule = Schedule::at_rate(1000.0, 0, 1, begin, until);
    for at in 0..100 {
        // The clock is far behind the end: every request was due when it was due.
        assert_eq!(schedule.next_due(begin + 5000 * MS), Some(begin + at * MS));
        schedule.take();
    }
    assert_eq!(schedule.next_due(begin + 5000 * MS), None);
}

#[test]
fn as_fast_as_answered_is_due_now_until_the_end() {
    let begin = crate::clock::now();
    let timed = Schedule::as_fast_as_answered(Until::Time(begin + MS));
    assert_eq!(timed.next_due(begin), Some(begin));
    assert_eq!(timed.next_due(begin + MS), None);

    let mut counted = Schedule::as_fast_as_answered(Until::Requests(2));
    counted.take();
    assert_eq!(counted.next_due(begin), Some(begin));
    counted.take();
    assert_eq!(counted.next_due(begin), None);
}

#[test]
fn a_rate_of_bytes_or_records_is_one_of_requests() {
    assert_eq!(Rate::BytesPerSecond(450e6).requests_per_second(1000, 1_000_000), 450.0);
    assert_eq!(Rate::RecordsPerSecond(20e3).requests_per_second(16, 16_000), 1250.0);
}
