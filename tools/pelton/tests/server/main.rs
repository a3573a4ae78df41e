//! The broker as its users see it: the real binary, spoken to by librdkafka and by raw sockets.

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod broken_batches;
mod crash;
mod density;
mod figures;
mod frozen_disk;
mod full_disk;
mod hostile_clients;
mod lacking_machine;
mod leaving_clients;
mod produce_and_fetch;
mod start_and_stop;
