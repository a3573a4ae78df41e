use super::*;

#[test]
fn a_topic_id_reads_back_what_it_prints() {
    let id = TopicId::from_random(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!(id.to_string(), "01234567-89ab-4def-8123-456789abcdef");
    assert_eq!(TopicId::parse(&id.to_string()), Some(id));
    assert_eq!(format!("{id:?}"), "TopicId(01234567-89ab-4def-8123-456789abcdef)");
}

#[test]
fn a_folder_that_is_no_topic_id_is_not_taken_for_one() {
    for text in [
        "",
        "lost+found",
        "0123456789ab-4def-8123-456789abcdef--",
        "01234567-89ab-4def-8123-456789abcdeg",
    ] {
        assert_eq!(TopicId::parse(text), None, "{text}");
    }
}

#[test]
fn a_partition_is_named_by_its_topic_and_index() {
    let id = PartitionId::new(TopicId::from_bytes([0xab; 16]), PartitionIndex::new(7));
    assert_eq!(id.to_string(), "abababab-abab-abab-abab-abababababab/7");
    assert_eq!(format!("{id:?}"), format!("PartitionId({id})"));
}

#[test]
fn a_shard_is_found_by_its_number() {
    assert_eq!((ShardId::ZERO.index(), ShardId::new(3).index()), (0, 3));
}
