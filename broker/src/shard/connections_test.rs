use pelton_cluster::config::BrokerLayers;
use pelton_cluster::state::Overrides;

use super::*;

#[test]
fn limits_by_address_come_from_kafkas_configs() {
    let overrides = "192.0.2.1:3, ::1:0";
    let none = Overrides::new();
    let fixed = [
        ("max.connections.per.ip".to_owned(), "7".to_owned()),
        ("max.connections.per.ip.overrides".to_owned(), overrides.to_owned()),
    ];
    let layers = BrokerLayers { dynamic: &none, all_brokers: &none, fixed: &fixed.into() };
    let limits = admission_limits(&layers);
    let expected = [("192.0.2.1", 3), ("::1", 0)];
    let expected = expected.map(|(ip, count)| (ip.parse().expect("an address"), count));
    assert_eq!((limits.per_ip_max, limits.per_ip_overrides), (7, expected.into()));
    assert_eq!(limits.connections_max, i32::MAX as usize, "Kafka's default");
}
