//! What operators' tools ask over HTTP: `/metrics`, `/healthz`, `/readyz`.
//!
//! All of it runs on one side thread that shares nothing with the shards: it asks shard 0 for
//! copies of the figures and does the merging and the printing itself, so a scrape costs a shard
//! one message.

mod connection;
mod exposition;
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
pub use self::render::{BuildInfo, render};
use self::source::Source;
use crate::boot::threads::Control;

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
    serve_from(address, Source::new(move |timeout| control.figures(timeout)), info)
}

fn serve_from(address: SocketAddr, source: Source, info: BuildInfo) -> io::Result<HttpServer> {
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
        .spawn(move || run(runtime, listener, router(source, info), stopped))?;
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
    source: Source,
    info: BuildInfo,
}

fn router(source: Source, info: BuildInfo) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .layer(map_response(close_after))
        .with_state(Arc::new(Endpoint { source, info }))
}

async fn metrics(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    match endpoint.source.figures().await {
        Some(figures) => answer(StatusCode::OK, METRICS_TYPE, render(&figures, &endpoint.info)),
        None => silent(),
    }
}

/// Alive means that every shard's loop still turns, not only this thread's.
async fn health(State(endpoint): State<Arc<Endpoint>>) -> impl IntoResponse {
    match endpoint.source.figures().await {
        Some(_) => answer(StatusCode::OK, TEXT_TYPE, "ok\n".into()),
        None => silent(),
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
