//! Accepting connections, passing them on, serving them.

use std::rc::Rc;
use std::time::Duration;

use pelton_cluster::config::BrokerLayers;
use pelton_cluster::config::value::ip_count;
use pelton_net::{Accepted, Acceptor, AdmissionLimits, CloseReason, ConnectionLimits, serve};

use super::Shard;
use crate::kafka::KafkaService;
use crate::message::Message;
use crate::runtime::Lane;

/// Requests of one connection that may be under way; librdkafka sends up to 1,000 at once, which
/// then wait in the socket.
const IN_FLIGHT_REQUESTS_MAX: usize = 64;

/// Bytes of one connection's requests under way, beyond which no more are read.
const IN_FLIGHT_BYTES_MAX: usize = 8 << 20;

impl Shard {
    /// Begins to accept; the socket has been listening since the start.
    pub fn listen(self: &Rc<Self>) {
        let (acceptor, stop) = Acceptor::new(
            self.listener.clone(),
            self.id,
            self.admission.clone(),
            self.net.sleep.clone(),
        );
        *self.accepting.borrow_mut() = Some(stop);
        let shard = self.clone();
        self.env.spawn(Lane::Foreground, async move {
            let limits = || shard.with_broker_configs(admission_limits);
            let ended = acceptor.run(limits, |accepted| shard.deliver(accepted)).await;
            if let Err(error) = ended {
                tracing::error!(shard = %shard.id, %error, "no more connections are accepted here");
            }
        });
    }

    pub(super) fn stop_accepting(&self) {
        if let Some(stop) = self.accepting.borrow_mut().take() {
            stop.stop();
        }
    }

    fn deliver(self: &Rc<Self>, accepted: Accepted) {
        let to = accepted.slot.shard();
        match self.router.peer(to) {
            Some(peer) if to != self.id => self.env.spawn(Lane::Foreground, async move {
                let _ = peer.requests.send(Message::Connection(accepted)).await;
            }),
            _ => self.serve_connection(accepted),
        }
    }

    pub(super) fn serve_connection(self: &Rc<Self>, accepted: Accepted) {
        let Accepted { arrival, peer, slot } = accepted;
        let link = match arrival.into_link() {
            Ok(link) => link,
            Err(error) => {
                tracing::debug!(%peer, %error, "the connection was gone before it was served");
                return;
            }
        };
        let limits = self.with_broker_configs(|broker| ConnectionLimits {
            frame_bytes_max: usize::try_from(broker.integer("socket.request.max.bytes"))
                .unwrap_or(100 << 20),
            in_flight_requests_max: IN_FLIGHT_REQUESTS_MAX,
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
            idle: u64::try_from(broker.integer("connections.max.idle.ms"))
                .ok()
                .map(Duration::from_millis),
        });
        self.metrics.count(|figures| figures.connections_opened += 1);
        self.connections.set(self.connections.get() + 1);
        let shard = self.clone();
        self.env.spawn(Lane::Foreground, async move {
            let service = Rc::new(KafkaService::new(shard.clone(), peer));
            let (net, stop) = (shard.net.clone(), shard.stop.clone());
            let reason = serve(link, service, limits, net, stop).await;
            match reason {
                CloseReason::BadFrame(error) => {
                    tracing::info!(%peer, %error, "connection closed: bad frame");
                }
                CloseReason::Service => tracing::info!(%peer, "connection closed: bad request"),
                CloseReason::PeerClosed
                | CloseReason::Idle
                | CloseReason::Stopped
                | CloseReason::Io(_) => tracing::debug!(%peer, ?reason, "connection closed"),
            }
            drop(slot);
            shard.connections.set(shard.connections.get() - 1);
            shard.disconnected.notify();
        });
    }
}

fn admission_limits(broker: &BrokerLayers<'_>) -> AdmissionLimits {
    let count = |name| usize::try_from(broker.integer(name)).unwrap_or(usize::MAX);
    let overrides = broker.list("max.connections.per.ip.overrides");
    AdmissionLimits {
        connections_max: count("max.connections"),
        per_ip_max: count("max.connections.per.ip"),
        per_ip_overrides: overrides.into_iter().filter_map(ip_count).collect(),
    }
}

#[cfg(test)]
#[path = "connections_test.rs"]
mod connections_test;
