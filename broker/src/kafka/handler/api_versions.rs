//! ApiVersions 0–5. An unknown version is answered in version 0 with [35] and this API's own range
//! alone; the connection stays good. From 3 the client names its software, and a bad name is [42].
//! From 5 it says whom it meant (KIP-1242): another broker is [129].

use bytes::Bytes;
use futures::future::{FutureExt, ready};
use pelton_kafka::message;
use pelton_kafka::messages::decode_request;
use pelton_kafka::wire::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use pelton_kafka::wire::{ApiVersionsRequest, ApiVersionsResponse};
use pelton_kafka::{ApiKey, ErrorCode, versions};
use pelton_net::Step;

use crate::kafka::context::Call;
use crate::kafka::dispatch::{encoded, refuse};

/// Features with their oldest and newest levels, of which the newest is finalised:
/// `metadata.version` as in Kafka 4.4; `group.version` 1 says that the consumer protocol (KIP-848)
/// is there.
const SUPPORTED: [(&str, i16, i16); 2] = [("metadata.version", 7, 33), ("group.version", 0, 1)];

/// Before, clients take an oldest level of 0 for an error, so such features are not told.
const KNOWS_FEATURES_FROM_0: i16 = 4;

pub fn start(call: Call, body: Bytes) -> Step {
    let version = call.version();
    if !versions::is_served(ApiKey::API_VERSIONS, version) {
        let answer = message!(ApiVersionsResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            api_keys: versions::SERVED
                .iter()
                .filter(|served| served.api_key == ApiKey::API_VERSIONS)
                .map(range)
                .collect(),
        });
        call.count_errors(&answer);
        return Step::Answer(ready(encoded(&call.header, 0, &answer)).boxed_local());
    }
    let request: ApiVersionsRequest = match decode_request(body, version) {
        Ok(request) => request,
        Err(error) => return refuse(&call.session, Some(&call.header), &error.to_string()),
    };
    let answer = handle(&call, &request);
    call.count_errors(&answer);
    Step::Answer(ready(encoded(&call.header, version, &answer)).boxed_local())
}

fn handle(call: &Call, request: &ApiVersionsRequest) -> ApiVersionsResponse {
    let version = call.version();
    let failed = |error: ErrorCode| message!(ApiVersionsResponse { error_code: error.code() });
    if version >= 3 {
        let (name, number) = (&request.client_software_name, &request.client_software_version);
        if !is_software_name(name.as_str()) || !is_software_name(number.as_str()) {
            return failed(ErrorCode::InvalidRequest);
        }
        call.session.name_client(name.as_str(), number.as_str());
    }
    if version >= 5 {
        let shard = call.shard();
        match (&request.cluster_id, request.node_id) {
            (None, -1) => {}
            (Some(_), -1) | (None, _) => return failed(ErrorCode::InvalidRequest),
            (Some(cluster), node) => {
                if cluster.as_str() != shard.cluster_id || node != shard.config.node_id.get() {
                    return failed(ErrorCode::RebootstrapRequired);
                }
            }
        }
    }
    message!(ApiVersionsResponse {
        api_keys: versions::SERVED.iter().map(range).collect(),
        supported_features: SUPPORTED
            .iter()
            .filter(|(_, min, _)| *min > 0 || version >= KNOWS_FEATURES_FROM_0)
            .map(|(name, min, max)| {
                message!(SupportedFeatureKey {
                    name: (*name).into(),
                    min_version: *min,
                    max_version: *max,
                })
            })
            .collect(),
        finalized_features_epoch: 0,
        finalized_features: SUPPORTED
            .iter()
            .map(|(name, _, max)| {
                message!(FinalizedFeatureKey {
                    name: (*name).into(),
                    max_version_level: *max,
                    min_version_level: *max,
                })
            })
            .collect(),
    })
}

fn range(served: &versions::ServedApi) -> ApiVersion {
    message!(ApiVersion {
        api_key: served.api_key.get(),
        min_version: served.advertised.min,
        max_version: served.advertised.max,
    })
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`
fn is_software_name(name: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::is_software_name;

    #[test]
    fn software_names_are_those_that_kafka_takes() {
        for good in ["a", "librdkafka", "apache-kafka-java", "1.2.3"] {
            assert!(is_software_name(good), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "ä"] {
            assert!(!is_software_name(bad), "{bad}");
        }
    }
}
