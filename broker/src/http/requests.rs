//! Series of requests: how many, how they went, and where their time goes.

use std::collections::BTreeMap;

use pelton_kafka::{ApiKey, ErrorCode, versions};
use pelton_model::histogram::Latencies;

use super::exposition::Exposition;
use crate::metrics::{Phase, ShardFigures};

pub fn requests(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut requests: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut errors: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let mut durations: BTreeMap<(String, Option<&str>), Latencies> = BTreeMap::new();
    for shard in shards {
        for (&(api, version), count) in &shard.requests {
            *requests.entry((api_name(api), version_name(api, version))).or_default() += count;
        }
        for (&(api, code), count) in &shard.errors {
            let error = ErrorCode::from_code(code).name();
            *errors.entry((api_name(api), error)).or_default() += count;
        }
        for (&(api, waited), histogram) in &shard.durations {
            durations
                .entry((api_name(api), waited_name(api, waited)))
                .or_default()
                .merge(histogram);
        }
    }

    let mut family = text.counter("pelton_requests_total", "Requests taken in.");
    for ((api, version), count) in &requests {
        family.sample(&[("api", api), ("version", version)], count);
    }
    let mut family = text.counter(
        "pelton_errors_total",
        "Errors answered, of whole requests and of each partition, topic or group in them, by \
         Kafka's names.",
    );
    for ((api, error), count) in &errors {
        family.sample(&[("api", api), ("error", error)], count);
    }
    let mut family = text.histogram(
        "pelton_request_duration_seconds",
        "From a request's last byte to its answer; fetches that waited for data are apart.",
    );
    for ((api, waited), histogram) in &durations {
        match waited {
            Some(waited) => family.latencies(&[("api", api), ("waited", waited)], histogram),
            None => family.latencies(&[("api", api)], histogram),
        }
    }
    let mut phases: BTreeMap<(String, Phase), Latencies> = BTreeMap::new();
    for (&(api, phase), histogram) in shards.iter().flat_map(|shard| &shard.phases) {
        phases.entry((api_name(api), phase)).or_default().merge(histogram);
    }
    let mut family = text.histogram(
        "pelton_request_phase_seconds",
        "Where requests' time goes: queue, until it is a frame's turn; local, until the owners have \
         the work; durable, an owner's wait for the device; hop, the whole stay at another shard; \
         send, until the socket has taken an answer that is ready.",
    );
    for ((api, phase), histogram) in &phases {
        family.latencies(&[("api", api), ("phase", phase.name())], histogram);
    }
    text.counter("pelton_requests_hopped_total", "Requests sent on to another shard.")
        .sample(&[], shards.iter().map(|shard| shard.requests_hopped).sum::<u64>());
    let mut parked: BTreeMap<String, u64> = BTreeMap::new();
    for (api, count) in shards.iter().flat_map(|shard| &shard.parked) {
        *parked.entry(api_name(*api)).or_default() += count;
    }
    let mut family = text.gauge(
        "pelton_requests_parked",
        "Requests that wait: fetches for records, produces for the device.",
    );
    for (api, count) in &parked {
        family.sample(&[("api", api)], count);
    }
    text.gauge(
        "pelton_requests_parked_for_shards",
        "Of the fetches that wait for records, the waits at shards other than their connection's.",
    )
    .sample(&[], shards.iter().map(|shard| shard.parked_for_shards).sum::<u64>());
}

/// Kafka's name as labels are written: `list_offsets` for ListOffsets. Numbers are a client's to
/// choose, names are ours: what we do not know shares one name.
fn api_name(api: i16) -> String {
    let mut label = String::new();
    for character in ApiKey::new(api).name().unwrap_or("unknown").chars() {
        if character.is_ascii_uppercase() && !label.is_empty() {
            label.push('_');
        }
        label.push(character.to_ascii_lowercase());
    }
    label
}

/// A client may ask for ApiVersions in any version; 65,536 series would be too many.
fn version_name(api: i16, version: i16) -> String {
    match versions::is_served(ApiKey::new(api), version) {
        true => version.to_string(),
        false => "unsupported".to_owned(),
    }
}

/// Only a fetch can wait for data.
fn waited_name(api: i16, waited: bool) -> Option<&'static str> {
    (ApiKey::new(api) == ApiKey::FETCH).then_some(if waited { "yes" } else { "no" })
}
