//! What both consumers and the admin ask a group's coordinator.

pub(crate) mod coordinator;
pub(crate) mod instance;
pub(crate) mod offsets;
