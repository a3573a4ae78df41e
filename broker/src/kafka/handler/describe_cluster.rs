//! DescribeCluster 0–2: this broker, which is the cluster and its controller. From 1 a client says
//! whether it means brokers (1) or controllers (2); controllers are [114] here, all else [115].
//! Nobody is fenced (2).

use pelton_kafka::wire::describe_cluster_response::DescribeClusterBroker;
use pelton_kafka::wire::{DescribeClusterRequest, DescribeClusterResponse};
use pelton_kafka::{ErrorCode, message};

use crate::kafka::authorize::{CLUSTER_OPERATIONS, OPERATIONS_OMITTED, Operation, Resource};
use crate::kafka::context::Call;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub async fn handle(call: Call, request: DescribeClusterRequest) -> DescribeClusterResponse {
    match request.endpoint_type {
        BROKERS => {}
        CONTROLLERS => {
            let why = "This listener serves brokers' clients, not controllers'.";
            return failed(ErrorCode::MismatchedEndpointType, why);
        }
        _ => return failed(ErrorCode::UnsupportedEndpointType, "Unsupported endpoint type."),
    }
    // Who may not describe the cluster still sees its brokers, as in Kafka, for he must connect.
    let operations = match request.include_cluster_authorized_operations {
        true if call.may(Operation::Describe, Resource::Cluster) => CLUSTER_OPERATIONS,
        true => 0,
        false => OPERATIONS_OMITTED,
    };
    let shard = call.shard();
    let node = shard.config.node_id.get();
    message!(DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: shard.cluster_id.as_str().into(),
        controller_id: node,
        brokers: vec![message!(DescribeClusterBroker {
            broker_id: node,
            host: shard.config.advertise_host.as_str().into(),
            port: i32::from(shard.port),
            rack: shard.with_broker_configs(|broker| broker.text("broker.rack").map(Into::into)),
        })],
        cluster_authorized_operations: operations,
    })
}

fn failed(error: ErrorCode, why: &str) -> DescribeClusterResponse {
    message!(DescribeClusterResponse {
        error_code: error.code(),
        error_message: Some(why.into()),
        endpoint_type: BROKERS,
        controller_id: -1,
    })
}
