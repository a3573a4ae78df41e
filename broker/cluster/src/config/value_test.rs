use super::*;
use crate::config::{BROKER_CONFIGS, GROUP_CONFIGS, TOPIC_CONFIGS};

fn topic_takes(name: &str, text: &str) -> bool {
    check(TOPIC_CONFIGS.get(name).unwrap(), text).is_ok()
}

fn group_takes(name: &str, text: &str) -> bool {
    check(GROUP_CONFIGS.get(name).unwrap(), text).is_ok()
}

#[test]
fn numbers_may_have_blanks_around_them_but_nothing_else() {
    assert!(topic_takes("retention.ms", " 100000 "));
    assert!(topic_takes("retention.ms", "+5"));
    for text in ["", "1e3", "1_000", "0x10", "1 0", "1.0", "9223372036854775808"] {
        assert!(!topic_takes("retention.ms", text), "{text}");
    }
}

#[test]
fn a_number_has_the_width_of_its_type() {
    assert!(!topic_takes("segment.bytes", "2147483648"));
    assert!(topic_takes("retention.ms", "9223372036854775807"));
    let short = BROKER_CONFIGS.get("offsets.topic.replication.factor").unwrap();
    assert!(check(short, "32767").is_ok());
    assert!(check(short, "32768").is_err());
}

#[test]
fn ranges_include_their_ends() {
    assert!(topic_takes("retention.ms", "-1"));
    assert!(!topic_takes("retention.ms", "-2"));
    assert!(topic_takes("retention.bytes", "-77"));
    assert!(topic_takes("segment.bytes", "1048576"));
    assert!(!topic_takes("segment.bytes", "1048575"));
    for (text, is_good) in [("-1", true), ("0", false), ("1", true), ("9", true), ("10", false)] {
        assert_eq!(topic_takes("compression.gzip.level", text), is_good, "{text}");
    }
    for (text, is_good) in
        [("0", true), ("1.0", true), ("1.01", false), ("NaN", false), ("x", false)]
    {
        assert_eq!(topic_takes("min.cleanable.dirty.ratio", text), is_good, "{text}");
    }
}

#[test]
fn booleans_ignore_case_and_know_two_words() {
    for text in ["true", "FALSE", " True "] {
        assert!(topic_takes("preallocate", text), "{text}");
    }
    for text in ["", "1", "yes"] {
        assert!(!topic_takes("preallocate", text), "{text}");
    }
}

#[test]
fn lists_may_be_empty_and_have_known_members() {
    for text in ["", "delete", "compact,delete", " compact , delete ", "delete,delete"] {
        assert!(topic_takes("cleanup.policy", text), "{text}");
    }
    for text in ["Delete", "delete,", "compact delete", "x"] {
        assert!(!topic_takes("cleanup.policy", text), "{text}");
    }
    assert_eq!(split_list(" a , b,c").collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(split_list("  ").count(), 0);
}

#[test]
fn words_count_in_their_case_unless_the_config_says_otherwise() {
    assert!(topic_takes("compression.type", "zstd"));
    assert!(!topic_takes("compression.type", "ZSTD"));
    let policy = BROKER_CONFIGS.get("group.consumer.migration.policy").unwrap();
    assert!(check(policy, "Upgrade").is_ok());
    assert!(check(policy, "sideways").is_err());
}

#[test]
fn throttled_replicas_are_pairs_or_a_star() {
    for text in ["", "*", "0:1", "0:1,12:3"] {
        assert!(topic_takes("leader.replication.throttled.replicas", text), "{text}");
    }
    for text in ["0", "0:", ":1", "a:1", "*,0:1", "-1:2"] {
        assert!(!topic_takes("leader.replication.throttled.replicas", text), "{text}");
    }
}

#[test]
fn an_offset_reset_may_be_a_duration() {
    for text in
        ["latest", "earliest", "by_duration:P1D", "by_duration:PT1H30M", "by_duration:P2DT0.5S"]
    {
        assert!(group_takes("share.auto.offset.reset", text), "{text}");
    }
    for text in [
        "none",
        "by_duration",
        "by_duration:",
        "by_duration:P",
        "by_duration:PT",
        "by_duration:P1",
        "by_duration:PT1M1H",
        "by_duration:-PT1S",
        "by_duration:PT-1S",
        "by_duration:PT1.5H",
    ] {
        assert!(!group_takes("share.auto.offset.reset", text), "{text}");
    }
}

#[test]
fn a_password_is_not_told_when_it_is_refused() {
    let password =
        ConfigDef { valid: Valid::NonEmpty, ..*BROKER_CONFIGS.get("ssl.key.password").unwrap() };
    assert!(check(&password, "secret").is_ok());
    let refusing = ConfigDef { valid: Valid::AtLeast(1), ..password };
    assert!(!check(&refusing, "secret").unwrap_err().0.contains("secret"));
}
