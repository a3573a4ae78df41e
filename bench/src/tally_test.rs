use super::*;
use crate::schedule::{Schedule, Until};

const MS: Duration = Duration::from_millis(1);

fn ms(nanos: u64) -> u64 {
    (nanos + 500_000) / 1_000_000
}

/// A broker that answers within 1 ms but for half a second, in which it answers nothing.
fn through_a_stall(schedule_of: impl Fn(Until) -> Schedule) -> Tally {
    let begin = crate::clock::now();
    let mut tally = Tally::new(Window::new(begin, 1000 * MS));
    let mut schedule = schedule_of(Until::Time(begin + 1000 * MS));
    let mut now = begin;
    while let Some(due) = schedule.next_due(now) {
        let sent = now.max(due);
        let is_stalled = (begin + 200 * MS..begin + 700 * MS).contains(&(sent + MS));
        let answered = if is_stalled { begin + 700 * MS } else { sent + MS };
        schedule.take();
        tally.time(due, answered);
        tally.count(answered, Counts { requests: 1, records: 1, bytes: 1 });
        now = answered;
    }
    tally
}

#[test]
fn at_a_rate_a_stall_shows_in_every_request_that_it_held_up() {
    let tally = through_a_stall(|until| {
        let Until::Time(end) = until else { unreachable!("the run is timed") };
        // 500 a second: 500 ms of stall hold up 250 of 500 requests, and the queue behind them.
        Schedule::at_rate(500.0, 0, 1, end - 1000 * MS, until)
    });
    assert_eq!(tally.latencies.len(), 500);
    assert!(ms(tally.latencies.value_at_quantile(0.5)) >= 100);
    assert_eq!(ms(tally.latencies.max()), 500);
    // The intervals in which they were due show it.
    assert!(ms(tally.intervals[3].latencies.value_at_quantile(0.5)) > 300);
}

#[test]
fn as_fast_as_answered_it_shows_once() {
    let tally = through_a_stall(Schedule::as_fast_as_answered);
    assert_eq!(ms(tally.latencies.value_at_quantile(0.99)), 1);
    assert_eq!(ms(tally.latencies.max()), 501);
}

#[test]
fn what_was_done_outside_the_window_does_not_count() {
    let begin = crate::clock::now();
    let mut tally = Tally::new(Window::new(begin + 10 * MS, 100 * MS));
    let one = Counts { requests: 1, records: 10, bytes: 1000 };
    for at in [9, 10, 109, 110] {
        tally.count(begin + at * MS, one);
    }
    assert_eq!(tally.counts, Counts { requests: 2, records: 20, bytes: 2000 });
    assert_eq!(tally.intervals[0].counts, one);
    assert_eq!(tally.intervals[9].counts, one);

    // Due before the end and answered long after it: counts. Due before the begin: does not.
    tally.time(begin + 109 * MS, begin + 900 * MS);
    tally.time(begin + 9 * MS, begin + 20 * MS);
    assert_eq!(tally.latencies.len(), 1);
    assert_eq!(ms(tally.latencies.max()), 791);
}

#[test]
fn two_threads_add_up() {
    let begin = crate::clock::now();
    let window = Window::new(begin, 100 * MS);
    let (mut one, mut two) = (Tally::new(window), Tally::new(window));
    one.time(begin, begin + MS);
    two.time(begin, begin + 5 * MS);
    two.count(begin, Counts { requests: 1, records: 2, bytes: 3 });
    two.give_up(begin, begin + 7 * MS, GivenUp::Unsent);
    two.give_up(begin, begin + 9 * MS, GivenUp::Unanswered);
    two.refuse(begin, Counts { requests: 1, records: 4, bytes: 5 });
    two.retriable_error(|| "first".into());
    two.retriable_error(|| "second".into());
    one.add(&two);
    assert_eq!(one.latencies.len(), 4, "what was refused is not timed");
    assert_eq!(one.intervals[0].latencies.len(), 4);
    assert_eq!(one.counts, Counts { requests: 1, records: 6, bytes: 8 });
    assert_eq!(one.failures, Failures { refused: 1, given_up: 1, unsent: 1, unseen: 0 });
    assert_eq!(one.retriable_errors, 2);
    assert_eq!(one.first_error.as_deref(), Some("first"));
}

#[test]
fn a_run_has_ten_to_three_hundred_intervals() {
    let begin = crate::clock::now();
    for (seconds, intervals) in [(1, 10), (10, 10), (60, 60), (3600, 300)] {
        let window = Window::new(begin, Duration::from_secs(seconds));
        assert_eq!(window.interval_count(), intervals, "{seconds} s");
    }
}
