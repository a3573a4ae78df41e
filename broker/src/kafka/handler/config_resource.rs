//! The resources of the three config APIs, as a request names them.

use std::collections::BTreeSet;

use pelton_cluster::ConfigResource;
use pelton_kafka::{ErrorCode, StrBytes};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;

/// Type id and name, as they stand in a request.
pub type Named<'a> = (i8, &'a str);

/// The resource, if there may be such and the client may do `operation` on it; else code and
/// message of the answer.
pub fn find(
    call: &Call,
    operation: Operation,
    (type_id, name): Named<'_>,
) -> Result<ConfigResource, (i16, Option<StrBytes>)> {
    let resource = ConfigResource::from_wire(type_id, name, call.shard().config.node_id)
        .map_err(|error| of_cluster(&error))?;
    let (touched, refusal) = match &resource {
        ConfigResource::Topic(name) => (Resource::Topic(name), ErrorCode::TopicAuthorizationFailed),
        ConfigResource::Group(name) => (Resource::Group(name), ErrorCode::GroupAuthorizationFailed),
        ConfigResource::Broker(_)
        | ConfigResource::AllBrokers
        | ConfigResource::ClientMetrics(_) => {
            (Resource::Cluster, ErrorCode::ClusterAuthorizationFailed)
        }
    };
    match call.may(operation, touched) {
        true => Ok(resource),
        false => Err((refusal.code(), None)),
    }
}

/// The resources that stand more than once in a request to alter: each is answered once,
/// INVALID_REQUEST.
pub fn find_duplicates<'a>(named: impl IntoIterator<Item = Named<'a>>) -> BTreeSet<Named<'a>> {
    let mut seen = BTreeSet::new();
    named.into_iter().filter(|named| !seen.insert(*named)).collect()
}

/// Told of a resource that stands more than once.
pub const DUPLICATE: &str = "Each resource must appear at most once.";
