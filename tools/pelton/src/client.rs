//! What all commands that talk to a broker have in common.

use std::time::Duration;

use clap::Args;
use pelton_client::{ClientOptions, Cluster};

use crate::arguments::BootstrapArgs;
use crate::failure::{Failure, Result};
use crate::logging;

#[derive(Args, Debug)]
pub struct ClientArgs {
    #[command(flatten)]
    bootstrap: BootstrapArgs,
    /// How long to try again what fails for now. Default 15; produce's are in its --help.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=RETRY_FOR_MAX_SECONDS))]
    retry_for: Option<u64>,
}

/// Without `--retry-for`.
const RETRY_FOR: Duration = Duration::from_secs(15);

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
        Ok(Cluster::connect(self.options()).await?)
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
