//! What operators' tools ask over HTTP: `/metrics`, `/metrics/partitions`, `/healthz`, `/readyz`.
//!
//! All of it runs on one side thread that shares nothing with the shards: it asks shard 0 for
//! copies of the figures and does the merging and the printing itself, so a scrape costs a shard
//! one message.

mod connection;
mod exposition;
mod partitions;
mod render;
mod source;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

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
use self::partitions::render_partitions;
pub use self::render::{BuildInfo, render};
use self::source::Source;
use crate::boot::threads::Control;
use crate::metrics::{PartitionFigures, ShardFigures};

/// Prometheus's text format, as its documentation ("Exposition formats") names it.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// A running endpoint. Dropping it ends the thread too, but does not wait for it.
pub struct HttpServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl HttpServer {
    /// Where it listens; says which port was given if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
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

/// Answers `GET` over HTTP/1.1 at `address`; returns when it listens.
///
/// # Errors
/// The address cannot be bound, or the system gives no thread.
pub fn serve(address: SocketAddr, control: Control, info: BuildInfo) -> io::Result<HttpServer> {
    let asked = control.clone();
    let sources = Sources {
        shard_count: control.shard_count(),
        shards: Source::new(move |timeout| control.figures(timeout)),
        partitions: Source::new(move |timeout| asked.partition_figures(timeout)),
    };
    serve_from(address, sources, info)
}

/// Where figures come from.
struct Sources {
    shard_count: usize,
    shards: Source<ShardFigures>,
    partitions: Source<PartitionFigures>,
}

fn serve_from(address: SocketAddr, sources: Sources, info: BuildInfo) -> io::Result<HttpServer> {
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
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("http".into())
        .spawn(move || run(runtime, listener, router(sources, info), stopped))?;
    Ok(HttpServer { address, stop, thread })
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
    sources: Sources,
    info: BuildInfo,
}

fn router(sources: Sources, info: BuildInfo) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/metrics/partitions", get(partitions))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .layer(map_response(close_after))
        .with_state(Arc::new(Endpoint { sources, info }))
}

async fn metrics(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    match endpoint.sources.shards.figures().await {
        Some(figures) => answer(StatusCode::OK, METRICS_TYPE, render(&figures, &endpoint.info)),
        None => silent(),
    }
}

/// On a path of its own: with many partitions there are more series than a scrape every few
/// seconds should carry. No partitions is an answer, but a stopped broker gives the same.
async fn partitions(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    let figures = endpoint.sources.partitions.figures().await.unwrap_or_default();
    answer(StatusCode::OK, METRICS_TYPE, render_partitions(&figures))
}

/// Alive means that every shard's loop still turns, not only this thread's.
async fn health(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    match endpoint.sources.shards.figures().await {
        Some(figures) if figures.len() == endpoint.sources.shard_count => {
            answer(StatusCode::OK, TEXT_TYPE, "ok\n".into())
        }
        _ => silent(),
    }
}

/// This endpoint starts after the broker accepts connections, so answering is the proof.
async fn readiness() -> impl IntoResponse {
    answer(StatusCode::OK, TEXT_TYPE, "ready\n".into())
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
