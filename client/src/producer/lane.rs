//! The way to one broker. A task of its own, so that a broker that is slow to connect holds up
//! nobody else; requests leave in the order in which they came, which the numbers of idempotent
//! batches rely on.

use std::time::Duration;

use pelton_kafka::ApiKey;
use pelton_kafka::produce::{ProduceResponse, VERSIONS};
use pelton_model::NodeId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Acks;
use super::answer::{Piece, encode, verdicts};
use super::batch::Parcel;
use super::queue::Verdict;
use super::record::Appended;
use crate::cluster::{Cluster, Lane};
use crate::connection::Pending;
use crate::error::{Error, Result};

/// A request's batches, back.
pub(super) struct Done {
    pub(super) node: NodeId,
    pub(super) verdicts: Vec<(Parcel, Verdict)>,
}

#[derive(Clone)]
pub(super) struct LaneTask {
    pub(super) cluster: Cluster,
    pub(super) node: NodeId,
    pub(super) lane: Lane,
    pub(super) acks: Acks,
    pub(super) done: mpsc::Sender<Done>,
}

/// How far a request got.
enum Begun {
    /// It may be on its way.
    Waiting(Pending, i16),
    /// It was sent, and nobody will answer.
    Told,
    /// Nothing of it was sent.
    Unsent(Error),
    /// Whether something of it was sent is not known.
    Lost(Error),
}

impl LaneTask {
    /// Ends when nobody can send any more and every answer is in.
    pub(super) async fn run(self, mut orders: mpsc::Receiver<Vec<Piece>>) {
        let mut waiting = JoinSet::new();
        while let Some(mut pieces) = orders.recv().await {
            let begun = self.begin(&mut pieces).await;
            let task = self.clone();
            waiting.spawn(async move {
                let verdicts = task.finish(pieces, begun).await;
                // The producer may be gone.
                let _ = task.done.send(Done { node: task.node, verdicts }).await;
            });
            while waiting.try_join_next().is_some() {}
        }
        waiting.join_all().await;
    }

    async fn begin(&self, pieces: &mut [Piece]) -> Begun {
        let connection = match self.cluster.connection_in(self.node, self.lane).await {
            Ok(connection) => connection,
            Err(error) => return Begun::Unsent(error),
        };
        let version = match connection.version_within(ApiKey::PRODUCE, VERSIONS) {
            Ok(version) => version,
            Err(error) => return Begun::Unsent(error),
        };
        let (acks, timeout_ms) = (self.acks.on_the_wire(), self.timeout_ms());
        let encode = |correlation_id, client_id: Option<&str>| {
            encode(pieces, acks, timeout_ms, version, correlation_id, client_id)
        };
        if self.acks == Acks::None {
            return match connection.tell_encoded(ApiKey::PRODUCE, encode).await {
                Ok(()) => Begun::Told,
                Err(error) => Begun::Lost(error),
            };
        }
        match connection.begin(ApiKey::PRODUCE, version, Duration::ZERO, encode).await {
            Ok(pending) => Begun::Waiting(pending, version),
            Err(error) => Begun::Lost(error),
        }
    }

    async fn finish(&self, pieces: Vec<Piece>, begun: Begun) -> Vec<(Parcel, Verdict)> {
        let verdict = match begun {
            Begun::Told => Verdict::Appended(Appended::default()),
            Begun::Unsent(error) => Verdict::Refused(error),
            Begun::Lost(error) => Verdict::Unknown(error),
            Begun::Waiting(pending, version) => match answer(pending, version).await {
                Ok(answer) => return verdicts(pieces, &answer, version, &self.cluster),
                Err(error) => Verdict::Unknown(error),
            },
        };
        pieces.into_iter().map(|piece| (piece.parcel, verdict.clone())).collect()
    }

    /// How long the broker may wait for other replicas; less than we wait for the broker.
    fn timeout_ms(&self) -> i32 {
        let timeout = self.cluster.options().request_timeout / 2;
        i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
    }
}

async fn answer(pending: Pending, version: i16) -> Result<ProduceResponse> {
    let body = pending.answer().await?;
    ProduceResponse::decode(body, version).map_err(|error| Error::protocol("produce", error))
}
