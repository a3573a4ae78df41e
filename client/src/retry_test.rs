use super::*;

#[test]
fn pauses_double_up_to_their_maximum() {
    let options = ClientOptions::new("a:1");
    let pauses: Vec<_> = [1, 2, 3, 4, 5, 60].map(|n| backoff(&options, n).as_millis()).into();
    assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
}
