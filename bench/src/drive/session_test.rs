use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::ready;

use futures::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::schedule::Until;
use crate::scripted_broker::{introduce, read_request};

const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Sends a frame that holds its header only, and writes down what becomes of it.
struct Pings {
    is_answered: bool,
    /// How long each took, from its due time.
    took: Rc<RefCell<Vec<Duration>>>,
    given_up: Rc<RefCell<Vec<(Duration, GivenUp)>>>,
    end: Option<BoxFuture<'static, Instant>>,
}

impl Load for Pings {
    fn request(&mut self, correlation_id: i32) -> Result<Option<Frame>> {
        let mut frame = 10i32.to_be_bytes().to_vec();
        frame.extend([0, 3, 0, 0]);
        frame.extend(correlation_id.to_be_bytes());
        frame.extend([0xff, 0xff]);
        Ok(Some(Frame::from(Bytes::from(frame))))
    }

    fn is_answered(&self) -> bool {
        self.is_answered
    }

    fn answer(&mut self, _answer: Bytes, due: Instant, now: Instant) -> Result<()> {
        self.took.borrow_mut().push(now - due);
        Ok(())
    }

    fn give_up(&mut self, due: Instant, now: Instant, given_up: GivenUp) {
        self.given_up.borrow_mut().push((now.saturating_duration_since(due), given_up));
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        let Some(end) = &mut self.end else { return Poll::Pending };
        let at = ready!(end.as_mut().poll(cx));
        self.end = None;
        Poll::Ready(at)
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// A broker that answers ApiVersions, and then what `answer` makes of the n-th request: an answer
/// after some time, or none any more.
async fn serve(listener: TcpListener, answer: impl Fn(usize) -> Option<Duration>) {
    let (mut socket, _) = listener.accept().await.unwrap();
    introduce(&mut socket, &[]).await;
    for number in 0.. {
        let Some(header) = read_request(&mut socket).await else { return };
        match answer(number) {
            Some(Duration::ZERO) => {}
            Some(after) => tokio::time::sleep(after).await,
            None => continue,
        }
        let mut frame = 4i32.to_be_bytes().to_vec();
        frame.extend(header.correlation_id.to_be_bytes());
        socket.write_all(&frame).await.unwrap();
    }
}

struct Seen {
    result: Result<()>,
    took: Vec<Duration>,
    given_up: Vec<(Duration, GivenUp)>,
}

fn drive(
    answer: impl Fn(usize) -> Option<Duration> + 'static,
    is_answered: bool,
    in_flight_max: usize,
    give_up_after: Duration,
    schedule: impl FnOnce(Instant) -> Schedule,
) -> Seen {
    drive_to(None, answer, is_answered, in_flight_max, give_up_after, schedule)
}

/// With a load that ends after a while, if it is said, although the schedule goes on for a day.
fn drive_to(
    end_after: Option<Duration>,
    answer: impl Fn(usize) -> Option<Duration> + 'static,
    is_answered: bool,
    in_flight_max: usize,
    give_up_after: Duration,
    schedule: impl FnOnce(Instant) -> Schedule,
) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
        tokio::task::spawn_local(serve(listener, answer));
        let connection = Connection::connect(&address).await.unwrap();
        let (took, given_up) = (Rc::default(), Rc::default());
        let begin = clock::now();
        let ended = |after: Duration| -> BoxFuture<'static, Instant> {
            let at = begin + after;
            Box::pin(async move {
                tokio::time::sleep_until(at.into()).await;
                at
            })
        };
        let load = Pings {
            is_answered,
            took: Rc::clone(&took),
            given_up: Rc::clone(&given_up),
            end: end_after.map(ended),
        };
        let end = if end_after.is_some() { begin + DAY } else { begin };
        let session =
            Session::new(connection, load, schedule(begin), in_flight_max, end, give_up_after);
        let result = session.unwrap().run().await;
        Seen { result, took: took.take(), given_up: given_up.take() }
    })
}

#[test]
fn a_stall_shows_in_the_latencies_of_all_that_it_held_up() {
    // A request each millisecond, one in flight; the twentieth answer takes 100 ms.
    let seen = drive(
        |number| Some(if number == 20 { 100 * MS } else { Duration::ZERO }),
        true,
        1,
        10_000 * MS,
        |begin| Schedule::at_rate(1000.0, 0, 1, begin, Until::Time(begin + 60 * MS)),
    );
    seen.result.unwrap();
    assert_eq!(seen.took.len(), 60);
    assert!(seen.took[20] >= 100 * MS);
    // All later ones were due before the stall's end, and waited for it.
    for (took, number) in seen.took.iter().zip(0u32..).skip(21) {
        assert!(*took >= (120 - number) * MS, "{number}: {took:?}");
    }
    assert!(seen.given_up.is_empty());
}

#[test]
fn as_fast_as_answered_keeps_so_many_in_flight_and_counts_from_the_send() {
    let seen = drive(
        |_| Some(Duration::ZERO),
        true,
        7,
        10_000 * MS,
        |_| Schedule::as_fast_as_answered(Until::Requests(1000)),
    );
    seen.result.unwrap();
    assert_eq!(seen.took.len(), 1000);
}

#[test]
fn without_acknowledgements_a_request_is_done_when_it_is_written() {
    let seen = drive(
        |_| None,
        false,
        1,
        10_000 * MS,
        |_| Schedule::as_fast_as_answered(Until::Requests(100)),
    );
    seen.result.unwrap();
    assert_eq!(seen.took.len(), 100);
}

#[test]
fn what_a_broker_never_answers_is_given_up_and_counted() {
    let seen = drive(
        |number| (number < 5).then_some(Duration::ZERO),
        true,
        2,
        100 * MS,
        |begin| Schedule::at_rate(1000.0, 0, 1, begin, Until::Time(begin + 20 * MS)),
    );
    seen.result.unwrap();
    assert_eq!(seen.took.len(), 5);
    // Two were in flight, the rest was due and could not be sent.
    let count_of = |how| seen.given_up.iter().filter(|(_, given_up)| *given_up == how).count();
    assert_eq!((count_of(GivenUp::Unanswered), count_of(GivenUp::Unsent)), (2, 13));
    assert!(seen.given_up.iter().all(|(waited, _)| *waited >= 80 * MS));
}

fn all_day(begin: Instant) -> Schedule {
    Schedule::at_rate(1000.0, 0, 1, begin, Until::Time(begin + DAY))
}

#[test]
fn what_was_due_before_an_early_end_is_sent_and_waited_for() {
    // A request each millisecond, one in flight; the tenth answer takes longer than the load lasts.
    let seen = drive_to(
        Some(30 * MS),
        |number| Some(if number == 10 { 100 * MS } else { Duration::ZERO }),
        true,
        1,
        10_000 * MS,
        all_day,
    );
    seen.result.unwrap();
    assert_eq!(seen.took.len(), 30);
    for (took, number) in seen.took.iter().zip(0u32..).skip(11) {
        assert!(*took >= (110 - number) * MS, "{number}: {took:?}");
    }
    assert!(seen.given_up.is_empty());
}

#[test]
fn what_an_early_end_waits_for_in_vain_is_given_up_and_counted() {
    let seen = drive_to(
        Some(30 * MS),
        |number| (number < 5).then_some(Duration::ZERO),
        true,
        2,
        100 * MS,
        all_day,
    );
    seen.result.unwrap();
    assert_eq!(seen.took.len(), 5);
    // As many as were due before the end, and not those of the day.
    let count_of = |how| seen.given_up.iter().filter(|(_, given_up)| *given_up == how).count();
    assert_eq!((count_of(GivenUp::Unanswered), count_of(GivenUp::Unsent)), (2, 23));
    assert!(seen.given_up.iter().all(|(waited, _)| *waited >= 100 * MS));
}

/// After ApiVersions it reads one request and hangs up.
#[test]
fn a_broker_that_goes_away_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
        tokio::task::spawn_local(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            introduce(&mut socket, &[]).await;
            read_request(&mut socket).await.unwrap();
        });
        let connection = Connection::connect(&address).await.unwrap();
        let (took, given_up) = (Rc::default(), Rc::default());
        let load = Pings { is_answered: true, took, given_up, end: None };
        let schedule = Schedule::as_fast_as_answered(Until::Requests(3));
        Session::new(connection, load, schedule, 1, clock::now(), 10_000 * MS).unwrap().run().await
    });
    let error = result.unwrap_err().to_string();
    assert!(error.contains("the broker closed the connection"), "{error}");
}
