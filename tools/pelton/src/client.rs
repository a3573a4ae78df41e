//! What all commands that talk to a broker have in common.

use std::time::Duration;

use clap::Args;
use pelton_client::{ClientOptions, Cluster};
use tokio::time::Instant;

use crate::arguments::BootstrapArgs;
use crate::failure::{Failure, Result};
use crate::logging;

#[derive(Args, Debug)]
pub struct ClientArgs {
    #[command(flatten)]
    bootstrap: BootstrapArgs,
    /// How long to try again what fails for now. Default 15; produce's are in its --help. Without
    /// this option, that nobody answers at all is told at once.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=RETRY_FOR_MAX_SECONDS))]
    retry_for: Option<u64>,
}

/// Without `--retry-for`.
const RETRY_FOR: Duration = Duration::from_secs(15);

/// Between attempts to find a broker.
const CONNECT_PAUSE: Duration = Duration::from_millis(200);

/// A year. Its end is a time that a clock can tell.
const RETRY_FOR_MAX_SECONDS: u64 = 365 * 24 * 60 * 60;

impl ClientArgs {
    pub fn options(&self) -> ClientOptions {
        let mut options = ClientOptions::new(&self.bootstrap.addresses);
        options.client_id = "pelton-cli".into();
        options.retry_timeout = self.retry_for().unwrap_or(RETRY_FOR);
        options
    }

    /// If it was said.
    pub fn retry_for(&self) -> Option<Duration> {
        self.retry_for.map(Duration::from_secs)
    }

    pub async fn connect(&self) -> Result<Cluster> {
        self.connect_with(self.options()).await
    }

    /// A wrong address is told at once; a broker that is just starting is waited for if the user
    /// said how long.
    pub async fn connect_with(&self, options: ClientOptions) -> Result<Cluster> {
        let deadline = Instant::now() + self.retry_for().unwrap_or_default();
        loop {
            match Cluster::connect(options.clone()).await {
                Err(error) if error.is_retriable() && Instant::now() + CONNECT_PAUSE < deadline => {
                    tokio::time::sleep(CONNECT_PAUSE).await;
                }
                outcome => return Ok(outcome?),
            }
        }
    }
}

/// Runs a command on one thread. What still blocks at its end, such as a read of stdin, is left
/// behind. `PELTON_LOG=debug` shows what the client does.
pub fn block_on(command: impl Future<Output = Result<()>>) -> Result<()> {
    logging::begin("warn", true);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no runtime: {error}")))?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

#[cfg(test)]
#[path = "client_test.rs"]
mod client_test;
