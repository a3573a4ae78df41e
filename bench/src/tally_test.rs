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

/// A request a second, which takes as many milliseconds as seconds have gone by.
fn open_ended(begin: Instant, seconds: u32) -> Tally {
    let mut tally = Tally::new(Window::open_ended(begin));
    for second in 0..seconds {
        let due = begin + second * 1000 * MS;
        tally.time(due, due + (second + 1) * MS);
        tally.count(due, Counts { requests: 1, records: 1, bytes: 1 });
    }
    tally
}

#[test]
fn what_takes_longer_than_there_are_intervals_has_longer_ones_and_loses_nothing() {
    let begin = crate::clock::now();
    let tally = open_ended(begin, 700);
    let interval = tally.window().interval;
    assert_eq!((interval, tally.intervals.len()), (Duration::from_secs(4), 300));
    let requests: Vec<u64> = tally.intervals.iter().map(|each| each.counts.requests).collect();
    assert_eq!((&requests[..175], requests[175..].iter().sum()), (&[4; 175][..], 0));
    let timed: u64 = tally.intervals.iter().map(|each| each.latencies.len()).sum();
    assert_eq!(timed, 700);
    // The last four took from 697 to 700 ms, in two digits.
    assert!((690..=705).contains(&ms(tally.intervals[174].latencies.max())));
    assert!(ms(tally.intervals[173].latencies.max()) <= 700);
    // As long as an open end can be.
    let mut tally = tally;
    let last = begin + Duration::from_secs(24 * 3600) - MS;
    tally.count(last, Counts { requests: 1, records: 1, bytes: 1 });
    assert_eq!(tally.intervals.iter().map(|each| each.counts.requests).sum::<u64>(), 701);
}

#[test]
fn threads_whose_intervals_have_come_to_other_lengths_add_up() {
    let begin = crate::clock::now();
    for (one, other) in [(700, 10), (10, 700)] {
        let mut sum = open_ended(begin, one);
        sum.add(&open_ended(begin, other));
        assert_eq!(sum.window().interval, Duration::from_secs(4));
        let requests: Vec<u64> = sum.intervals.iter().map(|each| each.counts.requests).collect();
        assert_eq!(requests[..4], [8, 8, 6, 4]);
        assert_eq!((requests[174], requests.iter().sum()), (4, 710));
        assert_eq!(sum.intervals.iter().map(|each| each.latencies.len()).sum::<u64>(), 710);
    }
}

#[test]
fn every_moment_of_a_timed_window_has_its_interval() {
    let begin = crate::clock::now();
    // The shortest of 300 intervals is no whole number of nanoseconds here.
    let length = Duration::new(1000, 1);
    let mut tally = Tally::new(Window::new(begin, length));
    let interval = tally.window().interval;
    tally.count(begin + length - Duration::from_nanos(1), Counts::default());
    assert_eq!(tally.window().interval, interval);
}

#[test]
fn a_run_has_ten_to_three_hundred_intervals() {
    let begin = crate::clock::now();
    for (seconds, intervals) in [(1, 10), (10, 10), (60, 60), (3600, 300)] {
        let window = Window::new(begin, Duration::from_secs(seconds));
        assert_eq!(window.interval_count(), intervals, "{seconds} s");
    }
}

#[test]
fn a_stall_until_the_end_is_a_part_of_the_run() {
    let begin = crate::clock::now();
    // Answers of the first second only; what is given up was due in the fifth.
    let stalled = |window| {
        let mut tally = Tally::new(window);
        tally.count(begin, Counts { requests: 1, records: 1, bytes: 1 });
        tally.give_up(begin + 4100 * MS, begin + 9000 * MS, GivenUp::Unsent);
        tally.intervals_of_run().len()
    };
    assert_eq!(stalled(Window::new(begin, 20_000 * MS)), 20);
    assert_eq!(stalled(Window::open_ended(begin)), 5);
}
