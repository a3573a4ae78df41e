//! How a client reaches its cluster, and how patient it is.

use std::time::Duration;

/// What holds for all of a client's requests.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// `host:port` of one or more brokers; the rest is learnt from them.
    pub bootstrap: Vec<String>,
    /// Stands in every request, for the broker's logs and quotas.
    pub client_id: String,
    /// One attempt to connect. Default 5 s.
    pub connect_timeout: Duration,
    /// One request, from when it was handed over to its answer, beyond the time that the request
    /// itself asks the broker to wait. Default 30 s.
    pub request_timeout: Duration,
    /// Attempts end with the last error after this. Default 60 s.
    pub retry_timeout: Duration,
    /// The first pause between attempts; doubles up to `retry_backoff_max`. Default 100 ms.
    pub retry_backoff: Duration,
    /// Default 1 s.
    pub retry_backoff_max: Duration,
    /// Whether asking for a topic that does not exist creates it, if the broker allows that
    /// (`auto.create.topics.enable`). Default no.
    pub create_topics: bool,
}

impl ClientOptions {
    /// The defaults, for a list like `a:9092,b:9092`.
    pub fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap
                .split(',')
                .map(str::trim)
                .filter(|address| !address.is_empty())
                .map(String::from)
                .collect(),
            client_id: "pelton-client".into(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            retry_timeout: Duration::from_secs(60),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            create_topics: false,
        }
    }
}
