use super::*;

#[test]
fn what_is_wished_is_read() {
    let all = Wish { executions: EXECUTIONS, target: None };
    assert_eq!(Wish::parse(&[]), Some(all));
    assert_eq!(
        Wish::parse(&["frame"]),
        Some(Wish { executions: EXECUTIONS, target: Some("frame") })
    );
    let few = Wish { executions: 5, target: Some("index") };
    assert_eq!(Wish::parse(&["--executions", "5", "index"]), Some(few));
    for bad in [&["--executions"][..], &["--executions", "0"], &["--many"], &["frame", "index"]] {
        assert_eq!(Wish::parse(bad), None, "{bad:?}");
    }
}
