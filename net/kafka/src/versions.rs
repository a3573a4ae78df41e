//! Which versions of which requests a Pelton broker offers and serves.

use kafka_wire_core::{ApiVersion, DecodeError, EncodeError, VersionRange};

use crate::{ApiKey, fetch, produce};

/// A range of versions; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub min: i16,
    pub max: i16,
}

impl Versions {
    pub const fn new(min: i16, max: i16) -> Self {
        assert!(min <= max, "a range of versions holds at least one");
        Self { min, max }
    }

    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// What both ranges hold: what two sides may talk in. The highest is the one to use.
    pub fn intersect(self, other: Versions) -> Option<Versions> {
        let (min, max) = (self.min.max(other.min), self.max.min(other.max));
        (min <= max).then_some(Versions { min, max })
    }

    fn range(self) -> VersionRange {
        VersionRange::new(self.min, self.max)
    }
}

/// Whether a codec of ours reads `version` of `message`.
pub(crate) fn check_decode(
    message: &'static str,
    supported: Versions,
    version: i16,
) -> Result<(), DecodeError> {
    if supported.contains(version) {
        return Ok(());
    }
    let (version, supported) = (ApiVersion::new(version), supported.range());
    Err(DecodeError::UnsupportedVersion { message, version, supported })
}

/// Whether a codec of ours writes `version` of `message`.
pub(crate) fn check_encode(
    message: &'static str,
    supported: Versions,
    version: i16,
) -> Result<(), EncodeError> {
    if supported.contains(version) {
        return Ok(());
    }
    let (version, supported) = (ApiVersion::new(version), supported.range());
    Err(EncodeError::UnsupportedVersion { message, version, supported })
}

/// One line of what the broker can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedApi {
    pub api_key: ApiKey,
    /// What ApiVersions says.
    pub advertised: Versions,
    /// What is answered; a request in any other version closes the connection, but for
    /// ApiVersions, which answers an unknown version with an error.
    pub served: Versions,
}

const fn serve(api_key: ApiKey, min: i16, max: i16) -> ServedApi {
    let versions = Versions::new(min, max);
    ServedApi { api_key, advertised: versions, served: versions }
}

/// Everything served on the client listener, in ascending order of keys.
pub const SERVED: &[ServedApi] = &[
    ServedApi {
        api_key: ApiKey::PRODUCE,
        // KAFKA-18659: older librdkafkas send uncompressed if they do not see version 0.
        advertised: Versions::new(0, 13),
        served: produce::VERSIONS,
    },
    ServedApi { api_key: ApiKey::FETCH, advertised: fetch::VERSIONS, served: fetch::VERSIONS },
    serve(ApiKey::LIST_OFFSETS, 1, 11),
    serve(ApiKey::METADATA, 0, 13),
    serve(ApiKey::OFFSET_COMMIT, 2, 10),
    serve(ApiKey::OFFSET_FETCH, 1, 10),
    serve(ApiKey::FIND_COORDINATOR, 0, 6),
    // KAFKA-19444: librdkafka tells by the first two that there are groups at all.
    serve(ApiKey::JOIN_GROUP, 0, 9),
    serve(ApiKey::HEARTBEAT, 0, 4),
    serve(ApiKey::LEAVE_GROUP, 0, 5),
    serve(ApiKey::SYNC_GROUP, 0, 5),
    serve(ApiKey::DESCRIBE_GROUPS, 0, 6),
    serve(ApiKey::LIST_GROUPS, 0, 5),
    serve(ApiKey::API_VERSIONS, 0, 5),
    serve(ApiKey::CREATE_TOPICS, 2, 7),
    serve(ApiKey::DELETE_TOPICS, 1, 6),
    serve(ApiKey::DELETE_RECORDS, 0, 2),
    // Version 6 is still unstable in Kafka 4.4.
    serve(ApiKey::INIT_PRODUCER_ID, 0, 5),
    serve(ApiKey::OFFSET_FOR_LEADER_EPOCH, 2, 4),
    serve(ApiKey::DESCRIBE_CONFIGS, 1, 4),
    serve(ApiKey::ALTER_CONFIGS, 0, 2),
    serve(ApiKey::DESCRIBE_LOG_DIRS, 1, 5),
    serve(ApiKey::CREATE_PARTITIONS, 0, 3),
    serve(ApiKey::DELETE_GROUPS, 0, 3),
    serve(ApiKey::INCREMENTAL_ALTER_CONFIGS, 0, 1),
    serve(ApiKey::OFFSET_DELETE, 0, 0),
    serve(ApiKey::DESCRIBE_CLUSTER, 0, 2),
    serve(ApiKey::DESCRIBE_PRODUCERS, 0, 0),
    serve(ApiKey::CONSUMER_GROUP_HEARTBEAT, 0, 1),
    serve(ApiKey::CONSUMER_GROUP_DESCRIBE, 0, 1),
    serve(ApiKey::LIST_CONFIG_RESOURCES, 0, 1),
    serve(ApiKey::DESCRIBE_TOPIC_PARTITIONS, 0, 0),
];

/// The line of one request kind; none if it is not served at all.
pub fn served(api_key: ApiKey) -> Option<&'static ServedApi> {
    SERVED.binary_search_by_key(&api_key, |api| api.api_key).ok().map(|at| &SERVED[at])
}

/// Whether a request of this kind and version gets its answer.
pub fn is_served(api_key: ApiKey, version: i16) -> bool {
    served(api_key).is_some_and(|api| api.served.contains(version))
}

/// 2 has tagged fields, 1 has none. (0, without a client id, died with Kafka 4.0.)
pub const fn request_header_version(api_key: ApiKey, version: i16) -> i16 {
    if api_key.is_flexible(version) { 2 } else { 1 }
}

/// 1 has tagged fields, 0 has none. An answer to ApiVersions always has 0: its reader does not
/// know yet which version the answer came in (KIP-511).
pub const fn response_header_version(api_key: ApiKey, version: i16) -> i16 {
    if api_key.is_flexible(version) && api_key.get() != ApiKey::API_VERSIONS.get() { 1 } else { 0 }
}

#[cfg(test)]
#[path = "versions_test.rs"]
mod versions_test;
