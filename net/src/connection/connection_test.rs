use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bytes::Bytes;
use futures::channel::oneshot;

use super::*;
use crate::bench::{Bench, Outcome, framed};
use crate::frame::Frame;
use crate::link::sim::{Wire, WireOptions, pair};
use crate::service::{Answer, Mark, Reply, Step};

const IDLE: Duration = Duration::from_secs(600);

/// A service that is told by the test when to answer. The first byte of a frame says what it is:
/// `p` runs ahead, `f` does not, `x` asks for the close in `start`, `s` is a `p` that holds up `start`.
#[derive(Default)]
struct Told {
    started: RefCell<Vec<Bytes>>,
    answers: RefCell<BTreeMap<Bytes, oneshot::Sender<Answer>>>,
    holds_up: Cell<Option<oneshot::Sender<()>>>,
    arrived: Cell<usize>,
    sent: RefCell<Vec<Mark>>,
}

impl Service for Told {
    fn start(&self, frame: Frame) -> LocalBoxFuture<'static, Step> {
        let Frame { bytes, charge } = frame;
        self.started.borrow_mut().push(bytes.clone());
        if bytes.starts_with(b"x") {
            return Box::pin(async { Step::Close });
        }
        let gate = bytes.starts_with(b"s").then(|| {
            let (open, gate) = oneshot::channel();
            self.holds_up.set(Some(open));
            gate
        });
        let (answer, answered) = oneshot::channel();
        self.answers.borrow_mut().insert(bytes, answer);
        Box::pin(async move {
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            Step::Answer(Box::pin(async move {
                match answered.await {
                    Ok(Answer::Reply(reply)) => Answer::Reply(reply.holding(charge)),
                    Ok(other) => other,
                    Err(_) => Answer::Close,
                }
            }))
        })
    }

    fn runs_ahead(&self, frame: &Bytes) -> bool {
        frame.starts_with(b"p") || frame.starts_with(b"s")
    }

    fn arrived(&self) {
        self.arrived.set(self.arrived.get() + 1);
    }

    fn sent(&self, mark: Mark) {
        self.sent.borrow_mut().push(mark);
    }
}

struct Setup {
    bench: Bench,
    client: Link,
    wire: Wire,
    service: Rc<Told>,
    budget: Budget,
    stop: StopSignal,
    closed: Outcome<CloseReason>,
}

impl Setup {
    fn new() -> Self {
        Self::with(|_, _| {})
    }

    fn with(change: impl FnOnce(&mut ConnectionLimits, &mut WireOptions)) -> Self {
        let mut limits = ConnectionLimits {
            frame_bytes_max: 1 << 20,
            in_flight_requests_max: 100,
            in_flight_bytes_max: 1 << 20,
            idle: Some(IDLE),
        };
        let mut options = WireOptions::default();
        change(&mut limits, &mut options);
        let mut bench = Bench::default();
        let (client, link, wire) = pair(options);
        let (service, stop) = (Rc::new(Told::default()), StopSignal::new());
        let budget = Budget::new(1 << 20);
        let clock = bench.clock.clone();
        let shard = ShardResources {
            budget: budget.clone(),
            scratch: Scratch::new(),
            sleep: Rc::new(move |duration| clock.sleep(duration)),
        };
        let closed = bench.spawn(serve(link, service.clone(), limits, shard, stop.clone()));
        bench.run();
        Self { bench, client, wire, service, budget, stop, closed }
    }

    fn send(&mut self, bodies: &[&str]) {
        let stream: Vec<u8> = bodies.iter().flat_map(|body| framed(body.as_bytes())).collect();
        self.bench.send(&self.client.clone(), stream);
    }

    fn answer(&mut self, request: &str, answer: impl Into<Answer>) {
        let sender = self.service.answers.borrow_mut().remove(request.as_bytes());
        assert!(sender.expect("it has been started").send(answer.into()).is_ok());
        self.bench.run();
    }

    /// Answers with one piece.
    fn reply(&mut self, request: &str, reply: &'static str) {
        self.answer(request, vec![Bytes::from_static(reply.as_bytes())]);
    }

    fn received(&mut self) -> String {
        String::from_utf8(self.bench.received(&self.client.clone()).0).unwrap()
    }

    fn started(&self) -> Vec<String> {
        let started = self.service.started.borrow();
        started.iter().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).collect()
    }

    fn close_reason(&mut self) -> CloseReason {
        // What lingers is over by then.
        self.bench.advance(Duration::from_secs(2));
        self.closed.take().expect("the connection is closed")
    }

    fn is_open(&self) -> bool {
        self.closed.borrow().is_none()
    }

    /// Not before nothing has moved for [`IDLE`].
    #[track_caller]
    fn is_closed_when_idle(&mut self) {
        for _ in 0..3 {
            self.bench.advance(IDLE / 4);
            assert!(self.is_open());
        }
        self.bench.advance(IDLE / 4);
        self.bench.advance(IDLE / 4);
        assert!(matches!(self.close_reason(), CloseReason::Idle));
    }
}

#[test]
fn answers_leave_in_request_order_whichever_is_ready_first() {
    let mut setup = Setup::new();
    setup.send(&["p1", "p2", "p3"]);
    assert_eq!(setup.started(), ["p1", "p2", "p3"]);
    setup.reply("p3", "three ");
    setup.reply("p2", "two ");
    assert_eq!(setup.received(), "");
    setup.reply("p1", "one ");
    assert_eq!(setup.received(), "one two three ");
    assert_eq!(setup.budget.in_use_bytes(), 0);
}

#[test]
fn a_request_that_sends_nothing_keeps_its_place() {
    let mut setup = Setup::new();
    setup.send(&["p1", "p2", "p3"]);
    setup.reply("p3", "three");
    setup.answer("p2", Answer::Nothing);
    assert_eq!(setup.received(), "");
    setup.reply("p1", "one ");
    assert_eq!(setup.received(), "one three");
}

#[test]
fn a_request_that_does_not_run_ahead_waits_for_all_answers() {
    let mut setup = Setup::new();
    setup.send(&["p1", "p2", "f3", "p4", "p5"]);
    assert_eq!(setup.started(), ["p1", "p2"]);
    setup.reply("p1", "one ");
    assert_eq!(setup.started(), ["p1", "p2"]);
    setup.reply("p2", "two ");
    assert_eq!(setup.started(), ["p1", "p2", "f3", "p4", "p5"]);
    setup.send(&["f6"]);
    setup.reply("f3", "three ");
    setup.reply("p5", "five ");
    assert_eq!(setup.started().len(), 5);
    setup.reply("p4", "four ");
    assert_eq!(setup.started().last().unwrap(), "f6");
    assert_eq!(setup.received(), "one two three four five ");
}

#[test]
fn the_next_request_starts_when_the_start_before_it_is_done() {
    let mut setup = Setup::new();
    setup.send(&["s1", "p2"]);
    assert_eq!(setup.started(), ["s1"]);
    setup.service.holds_up.take().unwrap().send(()).unwrap();
    setup.bench.run();
    assert_eq!(setup.started(), ["s1", "p2"]);
}

#[test]
fn answers_go_out_while_the_next_request_is_being_started() {
    let mut setup = Setup::new();
    setup.send(&["p1", "s2"]);
    assert_eq!(setup.started(), ["p1", "s2"]);
    setup.reply("p1", "one ");
    assert_eq!(setup.received(), "one ");
    setup.service.holds_up.take().unwrap().send(()).unwrap();
    setup.reply("s2", "two");
    assert_eq!(setup.received(), "two");
}

#[test]
fn a_start_that_has_begun_is_not_given_up_by_the_stop_signal() {
    let mut setup = Setup::new();
    setup.send(&["s1", "p2"]);
    setup.stop.stop();
    setup.bench.run();
    setup.service.holds_up.take().unwrap().send(()).unwrap();
    setup.reply("s1", "one");
    assert_eq!(setup.received(), "one");
    assert_eq!(setup.started(), ["s1"]);
    assert!(matches!(setup.close_reason(), CloseReason::Stopped));
}

#[test]
fn a_bad_length_closes_after_the_answers_before_it() {
    for length in [0i32, -1, 2 << 20] {
        let mut setup = Setup::new();
        setup.send(&["p1", "p2"]);
        setup.bench.send(&setup.client.clone(), length.to_be_bytes().to_vec());
        setup.bench.send(&setup.client.clone(), "what cannot be made out");
        setup.reply("p2", "two");
        assert!(setup.is_open());
        setup.reply("p1", "one ");
        assert_eq!(setup.received(), "one two");
        let reason = setup.close_reason();
        assert!(
            matches!(reason, CloseReason::BadFrame(FrameError::Length(named)) if named == length)
        );
    }
}

#[test]
fn a_half_closed_client_gets_its_answers() {
    let mut setup = Setup::new();
    setup.send(&["p1", "f2"]);
    setup.client.shutdown(Shutdown::Write).unwrap();
    setup.reply("p1", "one ");
    setup.reply("f2", "two");
    assert_eq!(setup.received(), "one two");
    assert!(matches!(setup.close_reason(), CloseReason::PeerClosed));
}

#[test]
fn a_lost_connection_drops_what_is_pending() {
    let mut setup = Setup::new();
    setup.send(&["p1"]);
    setup.wire.cut();
    assert!(matches!(setup.close_reason(), CloseReason::Io(_)));
    let pending = setup.service.answers.borrow_mut().remove(&b"p1"[..]).unwrap();
    assert!(pending.is_canceled());
    assert_eq!(setup.budget.in_use_bytes(), 0);
}

#[test]
fn requests_in_flight_are_bounded_in_number() {
    let mut setup = Setup::with(|limits, _| limits.in_flight_requests_max = 2);
    setup.send(&["p1", "p2", "p3", "p4"]);
    assert_eq!(setup.started(), ["p1", "p2"]);
    setup.reply("p1", "one ");
    assert_eq!(setup.started(), ["p1", "p2", "p3"]);
}

#[test]
fn requests_in_flight_are_bounded_in_bytes() {
    let mut setup = Setup::with(|limits, _| limits.in_flight_bytes_max = 25);
    let requests = ["p1........", "p2........", "p3........", "p4........"];
    setup.send(&requests);
    assert_eq!(setup.started(), requests[..3]);
    setup.reply(requests[1], "two ");
    assert_eq!(setup.started(), requests[..3], "the first answer holds the second one back");
    setup.reply(requests[0], "one ");
    assert_eq!(setup.started(), requests);
}

#[test]
fn an_answer_is_charged_until_the_client_has_taken_it() {
    let mut setup = Setup::with(|_, wire| wire.buffer_bytes = 100);
    setup.send(&["p1"]);
    let charge = setup.budget.try_acquire(1000).unwrap();
    let reply = Reply::new(vec![Bytes::from(vec![b'a'; 1000])]).holding(charge);
    setup.answer("p1", Answer::Reply(reply));
    assert_eq!(setup.budget.in_use_bytes(), 1000 + 6);
    assert_eq!(setup.received().len(), 1000);
    assert_eq!(setup.budget.in_use_bytes(), 0);
}

#[test]
fn a_client_that_does_not_take_its_answers_is_closed() {
    let mut setup = Setup::with(|_, wire| wire.buffer_bytes = 100);
    setup.send(&["p1"]);
    setup.answer("p1", vec![Bytes::from(vec![b'a'; 1000])]);
    setup.is_closed_when_idle();
}

#[test]
fn an_idle_client_is_closed_and_a_busy_one_is_not() {
    let mut setup = Setup::new();
    for _ in 0..10 {
        setup.bench.advance(IDLE / 4);
        setup.send(&["p"]);
        setup.reply("p", "-");
    }
    for _ in 0..4 {
        assert!(setup.is_open());
        setup.bench.advance(IDLE / 4);
    }
    setup.bench.advance(IDLE / 4);
    assert!(matches!(setup.close_reason(), CloseReason::Idle));
}

#[test]
fn a_client_that_owes_the_rest_of_a_frame_is_closed() {
    let mut setup = Setup::new();
    setup.bench.send(&setup.client.clone(), framed(b"p1234")[..6].to_vec());
    for _ in 0..5 {
        setup.bench.advance(IDLE / 4);
    }
    assert!(matches!(setup.close_reason(), CloseReason::Idle));
    assert_eq!(setup.budget.in_use_bytes(), 0);
}

#[test]
fn a_client_that_waits_for_its_answer_is_not_idle() {
    let mut setup = Setup::new();
    setup.send(&["f1"]);
    for _ in 0..20 {
        setup.bench.advance(IDLE / 4);
    }
    setup.reply("f1", "at last");
    assert_eq!(setup.received(), "at last");
    assert!(setup.is_open());
}

/// As it may have gone for good, and its place is wanted by others.
#[test]
fn a_client_that_sends_no_more_waits_for_its_answer_for_so_long() {
    let mut setup = Setup::new();
    setup.send(&["f1"]);
    setup.client.shutdown(Shutdown::Write).unwrap();
    setup.bench.run();
    setup.is_closed_when_idle();
}

#[test]
fn after_the_stop_signal_what_has_been_started_is_answered() {
    let mut setup = Setup::new();
    setup.send(&["p1", "p2", "f3"]);
    setup.stop.stop();
    setup.bench.run();
    setup.send(&["p4"]);
    setup.reply("p2", "two");
    assert!(setup.is_open());
    setup.reply("p1", "one ");
    assert_eq!(setup.started(), ["p1", "p2"]);
    assert_eq!(setup.bench.received(&setup.client.clone()), (b"one two".to_vec(), true));
    assert!(matches!(setup.close_reason(), CloseReason::Stopped));
}

#[test]
fn the_stop_signal_closes_a_waiting_connection_at_once() {
    let mut setup = Setup::new();
    setup.stop.stop();
    setup.bench.run();
    assert!(setup.bench.received(&setup.client.clone()).1);
    assert!(matches!(setup.close_reason(), CloseReason::Stopped));
}

#[test]
fn a_service_may_close_at_once_or_in_its_turn() {
    let mut setup = Setup::new();
    setup.send(&["p1", "p2", "p3"]);
    setup.reply("p3", "never sent");
    setup.answer("p2", Answer::Close);
    setup.reply("p1", "one");
    assert_eq!(setup.received(), "one");
    assert!(matches!(setup.close_reason(), CloseReason::Service));

    // `x` does not run ahead, so what came before has been answered.
    let mut setup = Setup::new();
    setup.send(&["p1", "x", "p3"]);
    setup.reply("p1", "one");
    assert_eq!(setup.started(), ["p1", "x"]);
    assert_eq!(setup.received(), "one");
    assert!(matches!(setup.close_reason(), CloseReason::Service));
}

#[test]
fn a_large_answer_arrives_whole() {
    let mut setup = Setup::new();
    setup.send(&["p1"]);
    let pieces: Vec<Bytes> =
        [10, 3 << 20, 0, 1, 700_000].iter().map(|len| Bytes::from(vec![b'z'; *len])).collect();
    let total: usize = pieces.iter().map(Bytes::len).sum();
    setup.answer("p1", pieces);
    assert_eq!(setup.received().len(), total);
}

#[test]
fn the_service_is_told_of_a_frame_before_its_turn_comes() {
    let mut setup = Setup::new();
    setup.send(&["f1", "f2", "f3"]);
    assert_eq!((setup.service.arrived.get(), setup.started()), (2, vec!["f1".to_owned()]));
    setup.reply("f1", "one");
    assert_eq!((setup.service.arrived.get(), setup.started().len()), (3, 2));
}

#[test]
fn the_service_is_told_of_an_answer_when_those_before_it_have_left_too() {
    let mut setup = Setup::new();
    setup.send(&["p1", "p2", "p3"]);
    let mark = |kind| Mark { kind, ready: Duration::from_secs(1) };
    let marked = |kind| {
        let reply = Reply::new(vec![Bytes::from_static(b"answer")]);
        Answer::Reply(reply.marked(mark(kind)))
    };
    setup.answer("p2", marked(2));
    assert_eq!(*setup.service.sent.borrow(), []);
    setup.answer("p1", marked(1));
    assert_eq!(*setup.service.sent.borrow(), [mark(1), mark(2)]);
    setup.reply("p3", "without a mark");
    assert_eq!(setup.service.sent.borrow().len(), 2);
}
