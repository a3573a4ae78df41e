//! Values of arguments that several commands take.

use clap::{Args, ValueEnum};
use pelton_client::{Acks, Compression};

/// Where a command finds its cluster.
#[derive(Args, Debug)]
pub struct BootstrapArgs {
    /// One or more brokers to begin with.
    #[arg(
        short = 'b',
        long = "bootstrap",
        global = true,
        value_name = "HOST:PORT,...",
        env = "PELTON_BOOTSTRAP",
        default_value = "127.0.0.1:9092"
    )]
    pub addresses: String,
}

/// How to compress batches.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// Who must have a record before it is acknowledged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AcksArg {
    /// Nobody; there is no answer.
    #[value(name = "0")]
    None,
    /// The leader.
    #[value(name = "1")]
    Leader,
    /// All in-sync replicas.
    #[value(name = "all", alias = "-1")]
    All,
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip,
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd => Compression::Zstd,
        }
    }
}

impl From<AcksArg> for Acks {
    fn from(acks: AcksArg) -> Self {
        match acks {
            AcksArg::None => Acks::None,
            AcksArg::Leader => Acks::Leader,
            AcksArg::All => Acks::All,
        }
    }
}
