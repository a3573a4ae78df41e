use super::*;
use crate::bench::{Bench, Outcome, framed};
use crate::link::sim::{WireOptions, pair};

const FRAME_BYTES_MAX: usize = 1 << 20;

struct Setup {
    bench: Bench,
    client: Link,
    budget: Budget,
    frames: Outcome<FrameReader>,
}

impl Setup {
    fn new(capacity_bytes: usize, read_bytes_max: usize) -> Self {
        Self::with_budget(Budget::new(capacity_bytes), read_bytes_max)
    }

    fn with_budget(budget: Budget, read_bytes_max: usize) -> Self {
        let options =
            WireOptions { buffer_bytes: 1 << 20, read_bytes_max, ..WireOptions::default() };
        let (client, link, _) = pair(options);
        let bench = Bench::default();
        let shard = ShardResources {
            budget: budget.clone(),
            scratch: Scratch::new(),
            sleep: Rc::new({
                let clock = bench.clock.clone();
                move |duration| clock.sleep(duration)
            }),
        };
        let frames = FrameReader::new(link, &shard, FRAME_BYTES_MAX);
        Self { bench, client, budget, frames: Rc::new(Some(frames).into()) }
    }

    /// Begins to read a frame. The outcome is empty as long as it has not come.
    fn next(&mut self) -> Outcome<Result<Option<Frame>, FrameError>> {
        let slot = self.frames.clone();
        let outcome = self.bench.spawn(async move {
            let mut frames = slot.take().expect("one read at a time");
            let frame = frames.next().await;
            *slot.borrow_mut() = Some(frames);
            frame
        });
        self.bench.run();
        outcome
    }
}

fn body(outcome: &Outcome<Result<Option<Frame>, FrameError>>) -> Bytes {
    outcome.take().expect("a frame has come").expect("it is good").expect("not the end").bytes
}

#[test]
fn frames_come_out_whole_however_the_bytes_come_in() {
    let bodies: Vec<Vec<u8>> =
        [1usize, 3, 70_000, 2, 60_000, 5_000, 4].iter().map(|len| vec![*len as u8; *len]).collect();
    for read_bytes_max in [1, 2, 3, 5, 1_000, 65_536, usize::MAX] {
        let mut setup = Setup::new(1 << 20, read_bytes_max);
        let stream: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
        setup.bench.send(&setup.client.clone(), stream);
        for expected in &bodies {
            assert_eq!(body(&setup.next()), expected, "{read_bytes_max} bytes at a time");
        }
        let end = setup.next();
        setup.client.shutdown(std::net::Shutdown::Write).unwrap();
        setup.bench.run();
        assert!(matches!(end.take(), Some(Ok(None))));
        assert_eq!(setup.budget.in_use_bytes(), 0);
    }
}

#[test]
fn lengths_that_are_not_allowed_are_named() {
    for length in [0, -1, i32::MIN, i32::MAX, FRAME_BYTES_MAX as i32 + 1] {
        let mut setup = Setup::new(1 << 20, usize::MAX);
        setup.bench.send(&setup.client.clone(), length.to_be_bytes().to_vec());
        let outcome = setup.next().take();
        assert!(matches!(outcome, Some(Err(FrameError::Length(named))) if named == length));
    }
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_truncated() {
    for (sent, _) in framed(b"abc").iter().enumerate().skip(1) {
        let mut setup = Setup::new(1 << 20, usize::MAX);
        setup.bench.send(&setup.client.clone(), framed(b"abc")[..sent].to_vec());
        setup.client.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(matches!(setup.next().take(), Some(Err(FrameError::Truncated))), "{sent} bytes");
    }
}

#[test]
fn memory_is_charged_before_it_is_read_into_and_as_long_as_the_frame_lives() {
    let mut setup = Setup::new(1 << 20, usize::MAX);
    setup.bench.send(&setup.client.clone(), framed(&[1; 100_000])[..10].to_vec());
    let outcome = setup.next();
    assert_eq!(setup.budget.in_use_bytes(), 65_536 + 4, "not all that is announced");
    setup.bench.send(&setup.client.clone(), vec![1; 100_000 - 6]);
    let frame = outcome.take().unwrap().unwrap().unwrap();
    assert_eq!((frame.bytes.len(), frame.charge.bytes()), (100_000, 100_004));
    drop(frame);
    assert_eq!(setup.budget.in_use_bytes(), 0);
}

#[test]
fn a_frame_that_was_only_announced_keeps_nobody_out() {
    let mut idlers: Vec<Setup> = Vec::new();
    let budget = Budget::new(1 << 20);
    for _ in 0..8 {
        let mut idler = Setup::with_budget(budget.clone(), usize::MAX);
        idler.bench.send(&idler.client.clone(), framed(&vec![1; FRAME_BYTES_MAX])[..10].to_vec());
        assert!(idler.next().borrow().is_none());
        idlers.push(idler);
    }
    let mut worker = Setup::with_budget(budget.clone(), usize::MAX);
    worker.bench.send(&worker.client.clone(), framed(&[2; 300_000]));
    assert_eq!(body(&worker.next()).len(), 300_000);
    drop((idlers, worker));
    assert_eq!(budget.in_use_bytes(), 0);
}

#[test]
fn frames_beyond_the_budget_come_in_one_after_another() {
    let budget = Budget::new(200_000);
    let mut setups: Vec<Setup> =
        (0..3).map(|_| Setup::with_budget(budget.clone(), usize::MAX)).collect();
    let outcomes: Vec<_> = setups.iter_mut().map(Setup::next).collect();
    for setup in &mut setups {
        setup.bench.send(&setup.client.clone(), framed(&vec![3; 500_000])[..100_000].to_vec());
    }
    for setup in &mut setups {
        setup.bench.send(&setup.client.clone(), framed(&vec![3; 500_000])[100_000..].to_vec());
    }
    let mut come = [false; 3];
    for _ in 0..3 {
        setups.iter_mut().for_each(|setup| setup.bench.run());
        let ready = (0..3).find(|at| !come[*at] && outcomes[*at].borrow().is_some());
        let ready = ready.expect("one goes beyond the budget");
        assert_eq!((0..3).filter(|at| outcomes[*at].borrow().is_some()).count(), 1);
        assert!(budget.in_use_bytes() <= 200_000 + 500_004 + 500_000);
        assert_eq!(body(&outcomes[ready]).len(), 500_000);
        come[ready] = true;
    }
    drop(setups);
    assert_eq!(budget.in_use_bytes(), 0);
}

#[test]
fn without_budget_no_more_than_a_length_is_read() {
    let mut setup = Setup::new(1_000, usize::MAX);
    let others = setup.budget.try_acquire(1_000).unwrap();
    setup.bench.send(&setup.client.clone(), framed(&[1; 500]));
    let outcome = setup.next();
    assert!(outcome.borrow().is_none());
    assert_eq!(setup.budget.in_use_bytes(), 1_000 + LENGTH_BYTES);
    assert_eq!(setup.budget.waiting_count(), 1);
    drop(others);
    setup.bench.run();
    assert_eq!(body(&outcome).len(), 500);
}

#[test]
fn a_small_frame_does_not_keep_the_block_in_which_it_came() {
    let mut setup = Setup::new(1 << 20, usize::MAX);
    setup.bench.send(&setup.client.clone(), [framed(&[1; 30_000]), framed(b"tiny")].concat());
    let large = body(&setup.next());
    let tiny = body(&setup.next());
    assert!(large.is_unique() && tiny.is_unique());
    assert!(setup.frames.borrow().as_ref().unwrap().raw.is_empty());
}

/// A frame that stops half-way keeps the memory that it has, until others wait for it.
#[test]
fn r3_a_frame_that_stalls_is_given_up_for_those_who_wait_for_its_memory() {
    const LARGE: usize = 900 << 10;
    for (sent_a_round, is_given_up) in [(0, true), (LARGE / 8, true), (LARGE / 5, false)] {
        let budget = Budget::new(64 << 10);
        let mut slow = Setup::with_budget(budget.clone(), usize::MAX);
        let mut other = Setup::with_budget(budget.clone(), usize::MAX);
        let stream = framed(&vec![1; LARGE]);
        let (mut sent, frame) = (LARGE / 6, slow.next());
        slow.bench.send(&slow.client.clone(), stream[..sent].to_vec());
        // Nobody waits yet, so it may take its time.
        slow.bench.advance(FRAME_TIME);
        assert!(frame.borrow().is_none());
        let waiting = other.next();
        other.bench.send(&other.client.clone(), framed(&[2; 600]));
        assert!(waiting.borrow().is_none() && budget.waiting_count() == 1);
        for _ in 0..ROUNDS {
            let more = stream[sent..].len().min(sent_a_round);
            slow.bench.send(&slow.client.clone(), stream[sent..sent + more].to_vec());
            sent += more;
            slow.bench.advance(FRAME_TIME / ROUNDS);
        }
        match is_given_up {
            true => assert!(matches!(frame.take(), Some(Err(FrameError::Stalled)))),
            false => assert_eq!(body(&frame).len(), LARGE),
        }
        // Its memory goes with it.
        other.bench.run();
        assert_eq!(body(&waiting), [2; 600].as_slice(), "{sent_a_round} bytes a round");
    }
}
