//! Brokers that are killed, slow, wrong or not there, and a buffer that is full: what the client
//! does, and which errors it tells.

mod administer;
mod connect;
mod consume;
mod fake_broker;
mod fake_classic;
mod fake_group;
mod group_commits;
mod group_listeners;
mod groups;
mod members;
mod produce;
