use super::*;

fn leaders(names: &str) -> Vec<Arc<str>> {
    names.chars().map(|name| Arc::from(name.to_string())).collect()
}

fn dealt(names: &str, connections: usize) -> Vec<(String, Vec<i32>)> {
    let shares = deal(&leaders(names), connections).unwrap();
    shares.into_iter().map(|share| (share.address.to_string(), share.partitions)).collect()
}

#[test]
fn each_partition_has_one_connection_if_there_are_enough() {
    assert_eq!(dealt("aaaaa", 2), [("a".into(), vec![0, 2, 4]), ("a".into(), vec![1, 3])]);
}

#[test]
fn connections_share_partitions_if_there_are_not() {
    let only = |partition| ("a".to_owned(), vec![partition]);
    assert_eq!(dealt("aa", 5), [only(0), only(1), only(0), only(1), only(0)]);
}

#[test]
fn every_partition_is_served_by_its_leader() {
    for connections in 3..20 {
        let names = "abcabccca";
        let mut served = vec![0; names.len()];
        for (address, partitions) in dealt(names, connections) {
            for partition in partitions {
                assert_eq!(address, names[partition as usize..][..1]);
                served[partition as usize] += 1;
            }
        }
        assert!(served.iter().all(|&count| count > 0), "{connections}: {served:?}");
    }
}

#[test]
fn a_leader_without_a_connection_is_an_error() {
    assert!(deal(&leaders("abc"), 2).is_err());
}
