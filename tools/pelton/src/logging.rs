//! What the commands log: to stderr, in colours only where somebody looks at a terminal.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Begins to log what `PELTON_LOG` says, or else `default`, in the words of [`EnvFilter`].
/// `names_modules`: each line says where it comes from.
pub fn begin(default: &str, names_modules: bool) {
    let asked = std::env::var("PELTON_LOG").ok().map(EnvFilter::try_new).transpose();
    let (filter, refused) = match asked {
        Ok(filter) => (filter.unwrap_or_else(|| EnvFilter::new(default)), None),
        Err(error) => (EnvFilter::new(default), Some(error)),
    };
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // Fails only if a subscriber is there already, which then does.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal() && !is_plain)
        .with_writer(io::stderr)
        .with_target(names_modules)
        .try_init();
    if let Some(error) = refused {
        tracing::warn!(%error, "PELTON_LOG is not understood: logging is as if it were not set");
    }
}
