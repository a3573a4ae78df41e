use super::*;

#[test]
fn an_address_of_ipv6_has_brackets() {
    assert_eq!(&*address("::1", 9092), "[::1]:9092");
    assert_eq!(&*address("localhost", 9092), "localhost:9092");
}
