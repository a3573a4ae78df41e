use super::*;

fn resolve(own: &[(&str, &str)], fixed: &[(&str, &str)]) -> TopicConfig {
    let overrides = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect::<Overrides>()
    };
    let nothing = Overrides::new();
    let fixed = overrides(fixed);
    let broker = BrokerLayers { dynamic: &nothing, all_brokers: &nothing, fixed: &fixed };
    TopicConfig::resolve(&overrides(own), &broker)
}

#[test]
fn the_defaults_are_kafkas() {
    let config = resolve(&[], &[]);
    assert_eq!(config.cleanup_policy, CleanupPolicy { compact: false, delete: true });
    assert_eq!(config.compression, CompressionTarget::Producer);
    assert_eq!(config.message_timestamp_type, TimestampType::CreateTime);
    assert_eq!(config.retention_ms, Some(604_800_000));
    assert_eq!(config.retention_bytes, None);
    assert_eq!(config.segment_bytes, 1 << 30);
    assert_eq!(config.segment_ms, 604_800_000);
    assert_eq!(config.segment_jitter_ms, 0);
    assert_eq!(config.max_message_bytes, 1_048_588);
    assert_eq!(config.message_timestamp_after_max_ms, 3_600_000);
    assert_eq!(config.message_timestamp_before_max_ms, i64::MAX);
    assert_eq!(config.min_cleanable_dirty_ratio, 0.5);
}

#[test]
fn own_values_become_numbers() {
    let config = resolve(
        &[
            ("cleanup.policy", "compact, delete"),
            ("compression.type", " zstd "),
            ("message.timestamp.type", "LogAppendTime"),
            ("retention.ms", "-1"),
            ("retention.bytes", " 100 "),
        ],
        &[],
    );
    assert_eq!(config.cleanup_policy, CleanupPolicy { compact: true, delete: true });
    assert_eq!(config.compression, CompressionTarget::Codec(Compression::Zstd, 3));
    assert_eq!(config.message_timestamp_type, TimestampType::LogAppendTime);
    assert_eq!((config.retention_ms, config.retention_bytes), (None, Some(100)));
}

#[test]
fn a_codec_comes_with_its_own_level() {
    let own = |codec| [("compression.type", codec), ("compression.lz4.level", "12")];
    for (codec, expected) in [
        ("uncompressed", CompressionTarget::Codec(Compression::None, 0)),
        ("gzip", CompressionTarget::Codec(Compression::Gzip, -1)),
        ("lz4", CompressionTarget::Codec(Compression::Lz4, 12)),
        ("producer", CompressionTarget::Producer),
    ] {
        assert_eq!(resolve(&own(codec), &[]).compression, expected, "{codec}");
    }
}

#[test]
fn an_empty_cleanup_policy_removes_nothing() {
    let neither = CleanupPolicy { compact: false, delete: false };
    assert_eq!(resolve(&[("cleanup.policy", "")], &[]).cleanup_policy, neither);
}

#[test]
fn segments_of_tests_may_be_small() {
    let own = [("segment.bytes", "1048576"), ("internal.segment.bytes", "500")];
    assert_eq!(resolve(&own, &[]).segment_bytes, 500);
    assert_eq!(resolve(&own[..1], &[]).segment_bytes, 1 << 20);
}

#[test]
fn the_brokers_values_stand_behind_the_topics() {
    let fixed = [("message.max.bytes", "7"), ("log.roll.hours", "1")];
    let config = resolve(&[], &fixed);
    assert_eq!((config.max_message_bytes, config.segment_ms), (7, 3_600_000));
}
