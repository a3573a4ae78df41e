use pelton_model::TimestampMs;

use super::*;

fn place() -> Place {
    Place {
        of: TopicPartition::new("orders", 0),
        committed: Some(Offset::new(50)),
        begin: Offset::new(10),
        end: Offset::new(100),
        at_time: Some(Offset::new(70)),
    }
}

fn to(target: Target) -> i64 {
    plan(target, place()).unwrap().to.get()
}

#[test]
fn each_target_is_found() {
    assert_eq!(to(Target::At(StartAt::Beginning)), 10);
    assert_eq!(to(Target::At(StartAt::End)), 100);
    assert_eq!(to(Target::At(StartAt::Offset(Offset::new(42)))), 42);
    assert_eq!(to(Target::At(StartAt::BeforeEnd(5))), 95);
    assert_eq!(to(Target::At(StartAt::Timestamp(TimestampMs::new(1)))), 70);
    assert_eq!(to(Target::Shift(7)), 57);
    assert_eq!(to(Target::Shift(-7)), 43);
}

#[test]
fn no_target_leaves_what_the_partition_holds() {
    assert_eq!(to(Target::At(StartAt::Offset(Offset::new(3)))), 10);
    assert_eq!(to(Target::At(StartAt::Offset(Offset::new(300)))), 100);
    assert_eq!(to(Target::At(StartAt::BeforeEnd(i64::MAX))), 10);
    assert_eq!(to(Target::Shift(i64::MAX)), 100);
    assert_eq!(to(Target::Shift(i64::MIN)), 10);
}

#[test]
fn a_time_after_the_last_record_is_the_end() {
    let place = Place { at_time: None, ..place() };
    let target = Target::At(StartAt::Timestamp(TimestampMs::new(i64::MAX)));
    assert_eq!(plan(target, place).unwrap().to.get(), 100);
}

#[test]
fn what_is_not_committed_cannot_be_shifted() {
    let place = Place { committed: None, ..place() };
    assert_eq!(plan(Target::Shift(1), place.clone()), None);
    let moved = plan(Target::At(StartAt::Beginning), place).unwrap();
    assert_eq!((moved.from, moved.to.get()), (None, 10));
}
