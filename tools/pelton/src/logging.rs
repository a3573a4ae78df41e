//! What the commands log: to stderr, in colours only where somebody looks at a terminal.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Begins to log what `PELTON_LOG` says, or else `default`, in the words of [`EnvFilter`].
/// `names_modules`: each line says where it comes from.
pub fn begin(default: &str, names_modules: bool) {
    let filter = EnvFilter::try_from_env("PELTON_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // Fails only if a subscriber is there already, which then does.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal() && !is_plain)
        .with_writer(io::stderr)
        .with_target(names_modules)
        .try_init();
}
