use super::*;

#[test]
fn the_table_is_in_order_so_that_it_can_be_searched() {
    assert!(SERVED.is_sorted_by(|one, next| one.api_key < next.api_key));
    for api in SERVED {
        assert_eq!(served(api.api_key), Some(api));
    }
}

#[test]
fn early_produce_is_advertised_but_not_served() {
    let produce = served(ApiKey::PRODUCE).unwrap();
    assert_eq!(produce.advertised, Versions::new(0, 13));
    assert!(!is_served(ApiKey::PRODUCE, 2));
    assert!(is_served(ApiKey::PRODUCE, 3));
    assert!(is_served(ApiKey::PRODUCE, 13));
    assert!(!is_served(ApiKey::PRODUCE, 14));
}

#[test]
fn only_produce_advertises_what_is_not_served() {
    for api in SERVED.iter().filter(|api| api.api_key != ApiKey::PRODUCE) {
        assert_eq!(api.advertised, api.served, "{}", api.api_key);
    }
}

#[test]
fn what_is_not_in_the_table_is_not_served() {
    for key in [ApiKey::VOTE, ApiKey::STOP_REPLICA, ApiKey::new(-1), ApiKey::new(95)] {
        assert_eq!(served(key), None);
        assert!(!is_served(key, 0));
    }
}

#[test]
fn headers_follow_their_bodies_but_for_the_answer_to_api_versions() {
    assert_eq!(request_header_version(ApiKey::METADATA, 8), 1);
    assert_eq!(request_header_version(ApiKey::METADATA, 9), 2);
    assert_eq!(response_header_version(ApiKey::METADATA, 8), 0);
    assert_eq!(response_header_version(ApiKey::METADATA, 9), 1);
    assert_eq!(request_header_version(ApiKey::API_VERSIONS, 3), 2);
    assert_eq!(request_header_version(ApiKey::API_VERSIONS, 99), 2);
    assert_eq!(response_header_version(ApiKey::API_VERSIONS, 3), 0);
}

#[test]
fn two_sides_talk_in_what_both_know() {
    let ours = Versions::new(3, 13);
    assert_eq!(ours.intersect(Versions::new(0, 9)), Some(Versions::new(3, 9)));
    assert_eq!(ours.intersect(Versions::new(13, 20)), Some(Versions::new(13, 13)));
    assert_eq!(ours.intersect(Versions::new(0, 2)), None);
}
