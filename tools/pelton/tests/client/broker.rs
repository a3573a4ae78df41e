//! The broker that a test talks to.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pelton_client::{Admin, ClientOptions, Cluster, NewTopic};

/// What a broker has until it answers, on a machine that does other things too.
const START_MAX: Duration = Duration::from_secs(60);

/// Groups of KIP-848 that find out soon that a member is gone, and begin rebalances at once. Kafka is
/// started with the same by tools/compat/client/run.
const CONFIGS: [&str; 6] = [
    "group.consumer.min.session.timeout.ms=1000",
    "group.consumer.session.timeout.ms=6000",
    "group.consumer.min.heartbeat.interval.ms=100",
    "group.consumer.heartbeat.interval.ms=300",
    "group.consumer.assignment.interval.ms=0",
    "group.initial.rebalance.delay.ms=0",
];

/// One test's broker, or the one that all share. Ours ends with the last handle.
#[derive(Clone)]
pub struct TestBroker {
    pub bootstrap: String,
    _own: Option<Arc<Process>>,
}

struct Process {
    child: Child,
    _data: tempfile::TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl TestBroker {
    pub async fn get() -> TestBroker {
        let broker = match std::env::var("PELTON_TEST_BOOTSTRAP") {
            Ok(bootstrap) => TestBroker { bootstrap, _own: None },
            Err(_) => Self::start(),
        };
        broker.wait_until_there().await;
        broker
    }

    fn start() -> TestBroker {
        // Free now; that somebody else takes it until the broker does is most unlikely.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let bootstrap = format!("127.0.0.1:{port}");
        let data = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_pelton"))
            .args(["start", "--listen", &bootstrap, "--cores", "1", "--data-dir"])
            .arg(data.path().join("data"))
            .args(CONFIGS.iter().flat_map(|config| ["--set", config]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        TestBroker { bootstrap, _own: Some(Arc::new(Process { child, _data: data })) }
    }

    async fn wait_until_there(&self) {
        let deadline = tokio::time::Instant::now() + START_MAX;
        loop {
            let error = match Cluster::connect(self.options()).await {
                Ok(_) => return,
                Err(error) => error,
            };
            assert!(tokio::time::Instant::now() < deadline, "{}: {error}", self.bootstrap);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn options(&self) -> ClientOptions {
        let mut options = ClientOptions::new(&self.bootstrap);
        options.retry_timeout = Duration::from_secs(60);
        options
    }

    pub async fn connect(&self) -> Cluster {
        Cluster::connect(self.options()).await.unwrap()
    }

    /// A new topic, whose name nobody has used.
    pub async fn topic(&self, partitions: i32) -> String {
        self.topic_with(partitions, &[]).await
    }

    pub async fn topic_with(&self, partitions: i32, configs: &[(&str, &str)]) -> String {
        let name = unique("topic");
        let topic = NewTopic {
            name: name.clone(),
            partitions: Some(partitions),
            replication_factor: Some(1),
            configs: configs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        };
        let cluster = self.connect().await;
        let created = Admin::new(cluster.clone()).create_topics(&[topic], false).await.unwrap();
        created.into_iter().for_each(|topic| drop(topic.unwrap()));
        // The brokers learn of it a little later than the controller.
        cluster.topic(&name).await.unwrap();
        name
    }
}

/// A name that no other test, and no other run, has.
pub fn unique(what: &str) -> String {
    let mut bytes = [0_u8; 8];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    format!("{what}-{:016x}", u64::from_be_bytes(bytes))
}
