use futures::FutureExt;

use super::Gate;

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
