use super::*;

#[test]
fn the_longest_come_first_and_equals_by_name() {
    let lengths = vec![(3, "c.rs"), (9, "b.rs"), (9, "a.rs")];
    assert_eq!(longest(lengths), [(9, "a.rs"), (9, "b.rs"), (3, "c.rs")]);
}

#[test]
fn no_more_are_shown_than_one_reads() {
    assert_eq!(longest(vec![(1, "x.rs"); SHOWN + 5]).len(), SHOWN);
}
