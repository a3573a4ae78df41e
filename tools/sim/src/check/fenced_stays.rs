//! Of static members (KIP-345): when somebody has come under a name, whoever had it before is not
//! served any more. Within one life of the broker: that a member has come is remembered across a
//! crash only once its group is stable.

use std::collections::BTreeMap;

use crate::history::History;
use crate::history::groups::{GroupFacts, Seat, Service};

pub fn check(history: &History) -> Vec<String> {
    let groups = history.groups.iter();
    groups.flat_map(|(group, facts)| of_group(group, facts)).collect()
}

fn of_group(group: &str, facts: &GroupFacts) -> Vec<String> {
    let mut by_instance: BTreeMap<u32, Vec<&Seat>> = BTreeMap::new();
    for seat in &facts.seats {
        by_instance.entry(seat.instance).or_default().push(seat);
    }
    let is_broken = |service: &&Service| {
        let seats = by_instance.get(&service.instance);
        seats.is_some_and(|seats| is_fenced(service, seats))
    };
    let broken = facts.services.iter().filter(is_broken);
    broken
        .map(|it| {
            format!(
                "static-{} of {group}: {} was served at {:.6} s in life {}",
                it.instance,
                it.member,
                it.sent.at.as_secs_f64(),
                it.sent.life
            )
        })
        .collect()
}

/// Somebody came after the member had been told that the name is its own, and was told so before
/// the member sent this.
fn is_fenced(service: &Service, seats: &[&Seat]) -> bool {
    let own = seats.iter().filter(|seat| seat.member == service.member);
    let Some(last) = own.map(|seat| seat.told.at).filter(|at| *at <= service.sent.at).max() else {
        return false;
    };
    seats.iter().any(|other| {
        let is_of_this_life =
            other.asked.life == service.sent.life && other.told.life == service.sent.life;
        other.member != service.member
            && is_of_this_life
            && last < other.asked.at
            && other.told.at < service.sent.at
    })
}
