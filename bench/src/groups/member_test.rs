use pelton_kafka::ApiKey;
use pelton_kafka::versions::Versions;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::scripted_broker::{introduce, read_request};

const CONSUMER_GROUP_HEARTBEAT: ApiKey = ApiKey::new(68);

#[test]
fn a_member_that_fails_ends_a_rest() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
        // Its broker goes away with the first heartbeat.
        tokio::task::spawn_local(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            introduce(&mut socket, &[(CONSUMER_GROUP_HEARTBEAT, Versions::new(1, 1))]).await;
            read_request(&mut socket).await.unwrap();
        });
        let plan = GroupsPlan {
            bootstrap: address.to_string(),
            protocol: GroupProtocol::Consumer,
            members: 1,
            partitions: 1,
            rounds: 0,
            deaths: 0,
            rest_seconds: 600,
            heartbeat_ms: 3000,
            session_ms: 10_000,
            server_pid: None,
        };
        let group = Group::new(&plan, "g".into(), "t".into(), TopicId::default(), address);
        let connection = group.connect().await.unwrap();
        let _member = group.join(0, connection);
        let stay = group.stay(Duration::from_secs(600));
        tokio::time::timeout(Duration::from_secs(60), stay).await.expect("an end").unwrap_err()
    });
    assert!(error.to_string().contains("the broker closed the connection"), "{error}");
}
