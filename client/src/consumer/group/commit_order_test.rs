use super::*;

#[test]
fn turns_come_in_the_order_in_which_places_were_taken() {
    let order = CommitOrder::default();
    let places = [order.line_up(), order.line_up(), order.line_up()];
    let [mut first, mut second, mut third] = places.map(|place| Box::pin(place.turn()));
    assert!((&mut third).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    let turn = (&mut first).now_or_never().expect("nobody is before the first");
    assert!((&mut third).now_or_never().is_none());
    drop(turn);
    assert!((&mut third).now_or_never().is_none());
    drop((&mut second).now_or_never().expect("the first is done"));
    assert!((&mut third).now_or_never().is_some());
}

#[test]
fn who_gives_up_its_place_holds_nobody_up() {
    let order = CommitOrder::default();
    let (first, second, third) = (order.line_up(), order.line_up(), order.line_up());
    drop(second);
    let mut third = Box::pin(third.turn());
    assert!((&mut third).now_or_never().is_none(), "the first has not had its turn");
    drop(first);
    assert!((&mut third).now_or_never().is_some());
}

#[tokio::test]
async fn a_task_that_has_used_up_its_budget_gets_its_place_all_the_same() {
    let other = Mutex::new(());
    // More than tokio lets a task do in one go.
    (0..1000).for_each(|_| drop(other.lock().now_or_never()));
    assert!(other.lock().now_or_never().is_none(), "nobody has it, and yet it is not got");
    let order = CommitOrder::default();
    let first = order.line_up();
    let mut second = Box::pin(order.line_up().turn());
    assert!((&mut second).now_or_never().is_none());
    assert!(matches!(first, Place::First(_)));
}
