//! What an operator is told by brokers that are old, starting, or configured otherwise.

use pelton_client::Admin;
use pelton_kafka::ErrorCode;

use crate::fake_broker::FakeBroker;
use crate::fake_group::{Beaten, FakeGroup};

#[tokio::test]
async fn a_classic_group_is_described_where_the_consumer_protocol_is_unknown_or_off() {
    for is_known in [true, false] {
        let mut group = FakeGroup::new(|_| Beaten::Error(ErrorCode::UnsupportedVersion));
        group.has_consumer_protocol = is_known;
        let broker = FakeBroker::start_with_group(group).await;
        let found = Admin::new(broker.connect().await).describe_group("g").await.unwrap();
        assert_eq!((&*found.id, &*found.state, found.epochs), ("g", "Stable", None), "{is_known}");
    }
}
