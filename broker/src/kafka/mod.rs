//! Kafka's protocol over the domain: one connection's requests, each to its handler.

mod authorize;
mod context;
mod dispatch;
mod error_codes;
mod errors;
pub mod fetch_session;
mod handler;

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use pelton_kafka::ApiKey;
use pelton_net::{Frame, Mark, Service, Step};

pub use authorize::{Operation, Principal, Resource};
pub use context::{Call, Session};

use crate::metrics::Phase;
use crate::shard::Shard;

/// One connection.
pub struct KafkaService {
    session: Rc<Session>,
}

impl KafkaService {
    pub fn new(shard: Rc<Shard>, peer: SocketAddr) -> Self {
        Self { session: Rc::new(Session::new(shard, peer)) }
    }
}

impl Service for KafkaService {
    fn start(&self, frame: Frame) -> LocalBoxFuture<'static, Step> {
        dispatch::start(self.session.clone(), frame).boxed_local()
    }

    /// Only Produce goes ahead of answers that are pending, and of those only other Produces can
    /// be, since everything else waits its turn: so a client's records are appended in the order
    /// that it sent them (R2), and no request overtakes what came before it.
    fn runs_ahead(&self, frame: &Bytes) -> bool {
        matches!(frame.get(..2), Some(&[high, low])
            if ApiKey::new(i16::from_be_bytes([high, low])) == ApiKey::PRODUCE)
    }

    fn arrived(&self) {
        self.session.arrived.set(self.session.shard.env.elapsed());
    }

    fn sent(&self, mark: Mark) {
        let Shard { env, metrics, .. } = &*self.session.shard;
        metrics.phase(ApiKey::new(mark.kind), Phase::Send, env.elapsed() - mark.ready);
    }
}
