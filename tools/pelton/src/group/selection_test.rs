use super::*;

#[test]
fn a_topic_alone_means_all_of_its_partitions() {
    let selection = parse_selection("orders.v1").unwrap();
    assert_eq!(selection, Selection { topic: "orders.v1".into(), partitions: None });
}

#[test]
fn partitions_may_be_named_once_or_more() {
    let selection = parse_selection("orders:3,0,3").unwrap();
    assert_eq!(selection.partitions, Some(BTreeSet::from([0, 3])));
}

#[test]
fn what_is_no_partition_is_refused() {
    for bad in ["orders:", "orders:x", "orders:-1", "orders:1,,2", "orders:99999999999"] {
        assert!(parse_selection(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_selected_and_not_there_is_named() {
    let there = [TopicPartition::new("orders", 0), TopicPartition::new("orders", 1)];
    let missing = |text: &str| parse_selection(text).unwrap().missing(&there.iter().collect());
    assert_eq!(missing("orders"), [""; 0]);
    assert_eq!(missing("orders:0,1"), [""; 0]);
    assert_eq!(missing("orders:1,2,99"), ["orders:2", "orders:99"]);
    assert_eq!(missing("ordres"), ["ordres"]);
    assert_eq!(missing("ordres:0"), ["ordres:0"]);
}
