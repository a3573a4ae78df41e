use super::*;

const LIMIT: Duration = Duration::from_secs(60);

/// What ten tasks that sleep and wake each other note, in order.
fn notes_of(seed: u64) -> Vec<(u64, Duration)> {
    let runtime = SimRuntime::new(seed);
    let notes = Rc::new(RefCell::new(Vec::new()));
    for name in 0..10 {
        let (runtime, notes) = (runtime.clone(), notes.clone());
        runtime.clone().spawn(Life(1), async move {
            for _ in 0..5 {
                let pause = Duration::from_millis(runtime.below(3));
                runtime.sleep(pause).await;
                notes.borrow_mut().push((name, runtime.now()));
            }
        });
    }
    let sleeper = runtime.sleep(Duration::from_secs(1));
    runtime.run(LIMIT, sleeper).unwrap();
    notes.take()
}

#[test]
fn the_same_seed_runs_the_same_way_and_another_one_does_not() {
    assert_eq!(notes_of(1), notes_of(1));
    assert_ne!(notes_of(1), notes_of(2));
    assert_eq!(notes_of(1).len(), 50);
}

#[test]
fn tasks_of_an_ended_life_run_no_more_and_are_dropped() {
    let runtime = SimRuntime::new(1);
    let alive = Rc::new(());
    let held = alive.clone();
    let pause = runtime.sleep(Duration::from_secs(10));
    runtime.spawn(Life(7), async move {
        pause.await;
        drop(held);
        panic!("it ran on after its end");
    });
    let other = runtime.clone();
    let watched = alive.clone();
    runtime
        .run(LIMIT, async move {
            other.sleep(Duration::from_secs(1)).await;
            assert_eq!(Rc::strong_count(&watched), 3);
            other.end(Life(7));
            assert_eq!(Rc::strong_count(&watched), 2);
            other.sleep(Duration::from_secs(20)).await;
        })
        .unwrap();
}

#[test]
fn a_run_that_cannot_end_says_why() {
    let forever = || futures::future::pending::<()>();
    assert_eq!(SimRuntime::new(1).run(LIMIT, forever()), Err(Stuck::Deadlock));
    let runtime = SimRuntime::new(1);
    let late = runtime.sleep(LIMIT + Duration::from_secs(1));
    assert_eq!(runtime.run(LIMIT, late), Err(Stuck::Late));
    let spins = std::future::poll_fn(|context: &mut Context<'_>| {
        context.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    assert_eq!(SimRuntime::new(1).run(LIMIT, spins), Err(Stuck::Spinning));
}
