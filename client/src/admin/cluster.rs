//! The cluster's face.

use pelton_kafka::message;
use pelton_kafka::wire::DescribeClusterRequest;
use pelton_model::NodeId;

use super::Admin;
use crate::cluster::{Broker, address};
use crate::error::{Result, check};

/// A cluster as DescribeCluster tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    pub id: String,
    pub controller: Option<NodeId>,
    /// In order of their ids.
    pub brokers: Vec<Broker>,
}

impl Admin {
    /// The cluster's id, controller and brokers.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let request = message!(DescribeClusterRequest {});
        let ask = async || {
            let answer = self.cluster.any_connection().await?.call(&request).await?.message;
            let context = || "describe cluster".into();
            check(answer.error_code, answer.error_message.as_deref(), context)?;
            Ok(answer)
        };
        let answer = self.persist(ask).await?;
        let mut brokers: Vec<_> = answer
            .brokers
            .iter()
            .map(|broker| Broker {
                id: NodeId::new(broker.broker_id),
                address: address(&broker.host, broker.port),
                rack: broker.rack.as_ref().map(|rack| rack.to_string()),
            })
            .collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(ClusterDescription {
            id: answer.cluster_id.to_string(),
            controller: (answer.controller_id >= 0).then(|| NodeId::new(answer.controller_id)),
            brokers,
        })
    }
}
