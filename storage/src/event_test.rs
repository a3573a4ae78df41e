use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::{Event, Wait};

/// Notes its name when it is woken.
struct Task {
    name: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.lock().expect("no panic").push(self.name);
    }
}

fn tasks(count: usize) -> (Vec<Arc<Task>>, Arc<Mutex<Vec<usize>>>) {
    let woken = Arc::<Mutex<Vec<usize>>>::default();
    let tasks = (0..count).map(|name| Arc::new(Task { name, woken: Arc::clone(&woken) }));
    (tasks.collect(), woken)
}

fn poll(wait: &mut Wait, task: &Arc<Task>) -> Poll<()> {
    Pin::new(wait).poll(&mut Context::from_waker(&Waker::from(Arc::clone(task))))
}

fn is_known(task: &Arc<Task>) -> bool {
    Arc::strong_count(task) > 1
}

#[test]
fn all_are_woken_once_in_the_order_in_which_they_began_to_wait() {
    let (event, (tasks, woken)) = (Event::default(), tasks(20));
    let mut waits: Vec<Wait> = tasks.iter().map(|_| event.wait()).collect();
    for (wait, task) in waits.iter_mut().zip(&tasks).rev() {
        assert!(poll(wait, task).is_pending());
        assert!(poll(wait, task).is_pending(), "asking again changes nothing");
    }
    event.notify();
    assert_eq!(*woken.lock().expect("no panic"), (0..20).collect::<Vec<usize>>());
    for (wait, task) in waits.iter_mut().zip(&tasks) {
        assert!(poll(wait, task).is_ready());
        assert!(!is_known(task));
    }
    event.notify();
    assert_eq!(woken.lock().expect("no panic").len(), 20);
}

#[test]
fn a_wait_begins_when_it_is_made() {
    let (event, (tasks, _)) = (Event::default(), tasks(1));
    let mut wait = event.wait();
    event.notify();
    assert!(poll(&mut wait, &tasks[0]).is_ready());
    assert!(poll(&mut event.wait(), &tasks[0]).is_pending());
}

/// As where something else that was waited for came first.
#[test]
fn who_gives_up_is_forgotten() {
    let (event, (tasks, woken)) = (Event::default(), tasks(3));
    let mut waits: Vec<Wait> = tasks.iter().map(|_| event.wait()).collect();
    for (wait, task) in waits.iter_mut().zip(&tasks) {
        assert!(poll(wait, task).is_pending());
    }
    drop(waits.remove(1));
    assert_eq!(tasks.iter().map(is_known).collect::<Vec<bool>>(), [true, false, true]);
    event.notify();
    assert_eq!(*woken.lock().expect("no panic"), [0, 2]);
}

#[test]
fn the_task_that_asked_last_is_woken() {
    let (event, (tasks, woken)) = (Event::default(), tasks(2));
    let mut wait = event.wait();
    for task in &tasks {
        assert!(poll(&mut wait, task).is_pending());
    }
    assert!(!is_known(&tasks[0]));
    event.notify();
    assert_eq!(*woken.lock().expect("no panic"), [1]);
}

thread_local! {
    /// What a task owns that ends when nobody would wake it any more.
    static OWNED: RefCell<Option<Wait>> = const { RefCell::new(None) };
}

struct Owner;

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Owner {
    fn drop(&mut self) {
        drop(OWNED.take());
    }
}

#[test]
fn a_task_that_ends_with_its_waker_may_give_up_waits_of_its_own() {
    let (event, (tasks, woken)) = (Event::default(), tasks(1));
    for is_given_up in [false, true] {
        let (mut wait, mut owned) = (event.wait(), event.wait());
        assert!(poll(&mut owned, &tasks[0]).is_pending());
        OWNED.set(Some(owned));
        let owner = Waker::from(Arc::new(Owner));
        assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(&owner)).is_pending());
        drop(owner);
        match is_given_up {
            true => drop(wait),
            false => assert!(poll(&mut wait, &tasks[0]).is_pending()),
        }
        assert!(OWNED.take().is_none(), "its task has ended");
    }
    event.notify();
    assert!(woken.lock().expect("no panic").is_empty(), "nobody waits");
}
