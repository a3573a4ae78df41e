//! What operators' tools ask over HTTP: `/metrics`, `/metrics/partitions`, `/healthz`, `/readyz`.
//!
//! All of it runs on one side thread that shares nothing with the shards: it asks shard 0 for
//! copies of the figures and does the merging and the printing itself, so a scrape costs a shard
//! one message, and one more where groups are behind.

mod connection;
mod exposition;
mod groups;
mod partitions;
mod render;
mod requests;
mod source;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use self::connection::{BoundedListener, Limits};
use self::groups::{Ages, unread_positions};
use self::partitions::render_partitions;
use self::render::render_start;
pub use self::render::{BuildInfo, render};
use self::source::Source;
use crate::boot::readiness::{Phase, Readiness};
use crate::boot::threads::Control;
use crate::metrics::{PartitionFigures, Position, ShardFigures};

/// Prometheus's text format, as its documentation ("Exposition formats") names it.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// A running endpoint. Dropping it ends the thread too, but does not wait for it.
pub struct HttpServer {
    address: SocketAddr,
    endpoint: Arc<Endpoint>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl HttpServer {
    /// Where it listens; says which port was given if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on there are figures: the broker has started.
    pub fn connect(&self, control: Control) {
        let (partitions, ages) = (control.clone(), control.clone());
        self.connect_to(Sources {
            shard_count: control.shard_count(),
            shards: Source::new(move |(), timeout| control.figures(timeout)),
            partitions: Source::new(move |(), timeout| partitions.partition_figures(timeout)),
            ages: Source::new(move |positions, timeout| ages.ages(positions, timeout)),
        });
    }

    fn connect_to(&self, sources: Sources) {
        // Whoever came first stays: there is one broker to a server.
        let _ = self.endpoint.sources.set(sources);
    }

    /// Closes the listener and cuts what is under way; waits for the thread, and with it for a
    /// question to the shards that it may have open (one second).
    pub fn stop(self) {
        // The thread has ended already if nobody takes this.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the HTTP thread ended badly");
        }
    }
}

/// Answers `GET` over HTTP/1.1 at `address`; returns when it listens. Until it is
/// [connected](HttpServer::connect) to a broker it has no figures but those of the start.
///
/// # Errors
/// The address cannot be bound, or the system gives no thread.
pub fn serve(address: SocketAddr, readiness: Readiness, info: BuildInfo) -> io::Result<HttpServer> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // The one thread that may wait for the shards; see `Source`.
        .max_blocking_threads(1)
        .thread_name("http-figures")
        .build()?;
    let listener = {
        let _inside = runtime.enter();
        BoundedListener::new(TcpListener::from_std(listener)?, Limits::default())
    };
    let endpoint = Arc::new(Endpoint { sources: OnceLock::new(), readiness, info });
    let router = router(endpoint.clone());
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("http".into())
        .spawn(move || run(runtime, listener, router, stopped))?;
    Ok(HttpServer { address, endpoint, stop, thread })
}

/// The thread's whole life.
fn run(
    runtime: Runtime,
    listener: BoundedListener,
    router: Router,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let serving = axum::serve(listener, router).into_future();
        // A dropped `HttpServer` counts as a stop.
        futures::future::select(serving, stopped).await;
    });
}

/// What every handler sees.
struct Endpoint {
    sources: OnceLock<Sources>,
    readiness: Readiness,
    info: BuildInfo,
}

/// Where figures come from.
struct Sources {
    shard_count: usize,
    shards: Source<ShardFigures>,
    partitions: Source<PartitionFigures>,
    /// Of the records at some positions, in their order.
    ages: Source<Option<Duration>, Vec<Position>>,
}

impl Sources {
    /// Those that are known; a scrape does not fail for want of them.
    async fn ages_of(&self, positions: Vec<Position>) -> Ages {
        if positions.is_empty() {
            return Ages::new();
        }
        let ages = self.ages.ask(positions.clone()).await.unwrap_or_default();
        positions.into_iter().zip(ages).filter_map(|(at, age)| Some((at, age?))).collect()
    }
}

fn router(endpoint: Arc<Endpoint>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/metrics/partitions", get(partitions))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .layer(map_response(close_after))
        .with_state(endpoint)
}

async fn metrics(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    let Some(sources) = endpoint.sources.get() else {
        let left = endpoint.readiness.partitions_remaining();
        return answer(StatusCode::OK, METRICS_TYPE, render_start(left, &endpoint.info));
    };
    let Some(figures) = sources.shards.ask(()).await else { return silent() };
    let ages = sources.ages_of(unread_positions(&figures)).await;
    answer(StatusCode::OK, METRICS_TYPE, render(&figures, &ages, &endpoint.info))
}

/// On a path of its own: with many partitions there are more series than a scrape every few
/// seconds should carry. No partitions is an answer, but a stopped broker gives the same.
async fn partitions(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    let Some(sources) = endpoint.sources.get() else { return endpoint.not_ready() };
    let figures = sources.partitions.ask(()).await.unwrap_or_default();
    let shards = sources.shards.ask(()).await.unwrap_or_default();
    answer(StatusCode::OK, METRICS_TYPE, render_partitions(&figures, &shards))
}

/// Alive means that every shard's loop still turns, not only this thread's. A start is alive too:
/// who kills a broker that recovers makes it recover once more.
async fn health(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    let ok = || answer(StatusCode::OK, TEXT_TYPE, "ok\n".into());
    let Some(sources) = endpoint.sources.get() else { return ok() };
    match sources.shards.ask(()).await {
        Some(figures) if figures.len() == sources.shard_count => ok(),
        _ => silent(),
    }
}

async fn readiness(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    match endpoint.readiness.phase() {
        Phase::Ready => answer(StatusCode::OK, TEXT_TYPE, "ready\n".into()),
        _ => endpoint.not_ready(),
    }
}

impl Endpoint {
    fn not_ready(&self) -> Response {
        let phase = format!("{}\n", self.readiness.phase());
        answer(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, phase)
    }
}

fn silent() -> Response {
    answer(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, "the shards do not answer\n".into())
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// Connections end with their answer: a scrape comes every few seconds, and an idle connection
/// would only hold one of the few places.
async fn close_after(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
#[path = "http_test.rs"]
mod http_test;
