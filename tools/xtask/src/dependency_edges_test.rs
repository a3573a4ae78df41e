use super::*;

/// The arrows as they should be, in the form that cargo prints them.
const SOUND: &str = "\
0pelton-model v0.1.0 (/r/storage/model)
1bytes v1.12.1

0pelton-storage v0.1.0 (/r/storage)
1glommio v0.9.0
2libc v0.2.1
1pelton-model v0.1.0 (/r/storage/model) (*)

0pelton-kafka v0.1.0 (/r/net/kafka)
1kafka-wire v0.1.0
2bytes v1.12.1
1pelton-model v0.1.0 (/r/storage/model) (*)

0pelton-client v0.1.0 (/r/client)
1pelton-kafka v0.1.0 (/r/net/kafka) (*)
1tokio v1.40.0
";

fn violations_of(tree: &str) -> Vec<String> {
    violations(&Graph::parse(tree).expect("the tree is readable"))
}

#[test]
fn the_arrows_as_designed_pass() {
    assert_eq!(violations_of(SOUND), Vec::<String>::new());
}

#[test]
fn storage_that_names_the_wire_crate_is_found() {
    let tree = SOUND.replace("1glommio v0.9.0", "1kafka-wire v0.1.0\n1glommio v0.9.0");
    assert_eq!(
        violations_of(&tree),
        ["pelton-storage -> kafka-wire: H1: knows nothing of Kafka's wire"]
    );
}

#[test]
fn a_way_through_other_crates_is_found_and_shown() {
    let tree = SOUND.replace("2libc v0.2.1", "2middle v1.0.0\n3kafka-wire v0.1.0");
    assert_eq!(
        violations_of(&tree),
        ["pelton-storage -> glommio -> middle -> kafka-wire: H1: knows nothing of Kafka's wire"]
    );
}

#[test]
fn a_way_behind_a_subtree_that_cargo_printed_before_is_found() {
    let tree = format!("{SOUND}1shim v1.0.0\n2pelton-storage v0.1.0 (/r/storage) (*)\n");
    assert_eq!(
        violations_of(&tree),
        ["pelton-client -> shim -> pelton-storage -> glommio: the client runs in other people's \
          programs"]
    );
}

#[test]
fn an_edge_between_our_crates_that_is_no_arrow_is_found() {
    let tree = SOUND.replace("1tokio", "1pelton-storage v0.1.0 (/r/storage) (*)\n1tokio");
    assert!(
        violations_of(&tree)
            .contains(&"pelton-client -> pelton-storage: not an arrow of ARCHITECTURE.md".into())
    );
}

#[test]
fn a_pure_crate_with_a_runtime_is_found() {
    let tree = SOUND.replace("1bytes v1.12.1\n\n0pelton-storage", "1tokio v1\n\n0pelton-storage");
    let found = violations_of(&tree);
    assert!(found.contains(&"pelton-model -> tokio: a pure crate has no runtime".into()));
}

#[test]
fn a_crate_that_nobody_placed_is_found() {
    let tree = format!("{SOUND}\n0pelton-novel v0.1.0 (/r/novel)\n");
    let found = violations_of(&tree);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("pelton-novel has no row"));
}

#[test]
fn a_tree_that_cannot_be_read_is_an_error_and_not_a_pass() {
    assert!(Graph::parse("").is_err());
    assert!(Graph::parse("pelton v0.1.0").is_err());
    assert!(Graph::parse("0pelton v0.1.0\n2bytes v1").is_err());
}
