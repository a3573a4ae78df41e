use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use futures::FutureExt;
use futures::task::noop_waker_ref;

use super::{Gate, Pass};

type Entering<'a> = Pin<Box<dyn Future<Output = Pass<'a>> + 'a>>;

fn begin(gate: &Gate) -> Entering<'_> {
    let mut entering: Entering<'_> = Box::pin(gate.enter());
    assert!(is_waiting(&mut entering));
    entering
}

fn is_waiting(entering: &mut Entering<'_>) -> bool {
    entering.poll_unpin(&mut Context::from_waker(noop_waker_ref())).is_pending()
}

#[test]
fn one_is_in_and_the_next_enters_when_it_leaves() {
    let gate = Gate::default();
    let pass = gate.try_enter().expect("nobody is in");
    // Asking changes nothing, however often.
    assert!(gate.try_enter().is_none());
    assert!(gate.try_enter().is_none());
    let mut next = Box::pin(gate.enter());
    assert!((&mut next).now_or_never().is_none());
    drop(pass);
    let pass = next.now_or_never().expect("it left");
    assert!(gate.try_enter().is_none());
    drop(pass);
    assert!(gate.try_enter().is_some());
}

/// One that is in again and again, as a hot log's flushes are, would keep the others out for as long as
/// its load lasts.
#[test]
fn who_left_and_comes_back_enters_behind_those_who_wait() {
    let gate = Gate::default();
    let pass = gate.try_enter().expect("nobody is in");
    let (mut first, mut second) = (begin(&gate), begin(&gate));
    drop(pass);
    assert!(gate.try_enter().is_none(), "one waits");
    let mut again = begin(&gate);
    assert!(is_waiting(&mut second));
    let pass = first.as_mut().now_or_never().expect("it waited first");
    assert!(is_waiting(&mut second) && is_waiting(&mut again));
    drop(pass);
    assert!(is_waiting(&mut again));
    drop(second.now_or_never().expect("it waited second"));
    drop(again.now_or_never().expect("nobody waits before it"));
    assert!(gate.try_enter().is_some());
}

/// Notes that it was woken.
#[derive(Default)]
struct Task(AtomicBool);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Woken, and given up before it is asked again: the next one is woken instead.
#[test]
fn who_gives_up_lets_the_next_in() {
    let gate = Gate::default();
    let pass = gate.try_enter().expect("nobody is in");
    let (first, mut second) = (begin(&gate), begin(&gate));
    let task = Arc::<Task>::default();
    let waker = Waker::from(Arc::clone(&task));
    assert!(second.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(pass);
    assert!(!task.0.load(Ordering::Relaxed), "it is not its turn");
    drop(first);
    assert!(task.0.load(Ordering::Relaxed), "nobody wakes it");
    drop(second.as_mut().now_or_never().expect("the one before it gave up"));
    assert!(gate.try_enter().is_some());
    drop(waker);
    assert_eq!(Arc::strong_count(&task), 1, "nobody wakes it any more");
}
