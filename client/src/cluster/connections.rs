//! The connections of a client: at most one per broker and lane, made when first wanted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::options::ClientOptions;
use crate::random;

/// Which requests share a connection. A broker answers a connection's requests in order, so what
/// may wait long at the broker goes by itself and holds up nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Everything that is answered at once.
    Shared,
    /// The records of the producer of this number.
    Produce(u64),
    /// The long polls of the consumer of this number.
    Fetch(u64),
    /// JoinGroup and SyncGroup of the consumer of this number wait for its whole group.
    Group(u64),
}

#[derive(Debug, Default)]
pub(super) struct Connections {
    slots: Mutex<BTreeMap<Key, Arc<SharedSlot>>>,
}

/// A broker's address, and for what.
type Key = (Arc<str>, Lane);

#[derive(Debug, Default)]
struct SharedSlot {
    /// Attempts to connect that failed, ever.
    failures: AtomicU64,
    /// Locked while connecting, so that nobody connects twice.
    slot: tokio::sync::Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    /// Why the last attempt failed.
    error: Option<Error>,
    /// Attempts to connect that failed in a row.
    failures: u32,
    /// No attempt before this.
    not_before: Option<Instant>,
}

impl Connections {
    /// The connection that is there, or a new one, after the pause that the last failure asks for. All
    /// who wait for the same attempt get what it comes to, rather than trying one after the other.
    pub(super) async fn get(
        &self,
        address: &Arc<str>,
        lane: Lane,
        options: &ClientOptions,
    ) -> Result<Arc<Connection>> {
        let shared = self.slot(address, lane);
        let failures = shared.failures.load(Ordering::Relaxed);
        let mut slot = shared.slot.lock().await;
        if let Some(connection) = slot.alive() {
            return Ok(connection);
        }
        if let Some(error) = &slot.error
            && shared.failures.load(Ordering::Relaxed) != failures
        {
            return Err(error.clone());
        }
        if let Some(not_before) = slot.not_before {
            tokio::time::sleep_until(not_before).await;
        }
        slot.connection = None;
        match Connection::connect(address, options).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *slot = Slot { connection: Some(connection.clone()), ..Slot::default() };
                Ok(connection)
            }
            Err(error) => {
                shared.failures.fetch_add(1, Ordering::Relaxed);
                slot.error = Some(error.clone());
                slot.failures = slot.failures.saturating_add(1);
                let pause = options.reconnect_backoff().pause(slot.failures, random::chance());
                slot.not_before = Some(Instant::now() + pause);
                Err(error)
            }
        }
    }

    /// Whether asking for this connection now would first wait.
    pub(super) fn is_backing_off(&self, address: &Arc<str>, lane: Lane) -> bool {
        match self.slot(address, lane).slot.try_lock() {
            Ok(slot) => {
                slot.alive().is_none() && slot.not_before.is_some_and(|at| at > Instant::now())
            }
            // Somebody is connecting.
            Err(_) => true,
        }
    }

    /// Lets go of a lane's connections: whoever used it is gone.
    pub(super) fn close(&self, lane: Lane) {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(_, other), _| *other != lane);
    }

    fn slot(&self, address: &Arc<str>, lane: Lane) -> Arc<SharedSlot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry((address.clone(), lane)).or_default().clone()
    }
}

impl Slot {
    fn alive(&self) -> Option<Arc<Connection>> {
        self.connection.as_ref().filter(|connection| !connection.is_closed()).cloned()
    }
}
