//! The client crate against a broker: Pelton, started here, or the one that
//! `PELTON_TEST_BOOTSTRAP` names, Pelton or Apache Kafka. The same tests, the same results.

mod admin;
mod broker;
mod consume;
mod consume_command;
mod group_command;
mod groups;
mod groups_by_heartbeat;
mod members;
mod mixed_groups;
mod produce;
mod produce_command;
