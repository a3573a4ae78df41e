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
    /// How long to try again what fails for now.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 15)]
    retry_for: u64,
}

impl ClientArgs {
    pub fn options(&self) -> ClientOptions {
        let mut options = ClientOptions::new(&self.bootstrap.addresses);
        options.client_id = "pelton-cli".into();
        options.retry_timeout = Duration::from_secs(self.retry_for);
        options
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
