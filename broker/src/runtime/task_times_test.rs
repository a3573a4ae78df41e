use std::cell::Cell;

use futures::FutureExt;

use super::*;

#[test]
fn each_step_of_a_task_is_timed_and_waiting_is_not() {
    let now = Rc::new(Cell::new(Duration::ZERO));
    let pass = |millis| {
        let now = now.clone();
        move || now.set(now.get() + Duration::from_millis(millis))
    };
    let (before, after) = (pass(3), pass(20));
    let (sender, receiver) = futures::channel::oneshot::channel::<()>();
    let task = async move {
        before();
        let _ = receiver.await;
        after();
    };
    let times = Rc::new(RefCell::default());
    let clock = now.clone();
    let mut timed = Timed {
        lane: Lane::Background,
        task: task.boxed_local(),
        times: times.clone(),
        clock: move || clock.get(),
    };
    assert!((&mut timed).now_or_never().is_none());
    pass(1000)();
    let _ = sender.send(());
    assert!((&mut timed).now_or_never().is_some());
    let times = times.borrow();
    assert_eq!(times.background, Duration::from_millis(23));
    assert_eq!(times.foreground, Duration::ZERO);
    assert_eq!(times.steps.count(), 2);
}
