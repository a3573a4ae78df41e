//! Why a command ends early, and what the shell is told.

use std::io;
use std::process::ExitCode;

pub type Result<T> = std::result::Result<T, Failure>;

#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that makes no sense.
    Usage(String),
    /// It was tried and did not work.
    Failed(String),
    /// The same, with an exit code of its own.
    Exit(u8, String),
    /// Whoever read our output has seen enough (`pelton consume t | head`): no failure.
    OutputClosed,
}

impl Failure {
    /// Says it on stderr, and turns it into the exit code.
    pub fn report(self) -> ExitCode {
        match self {
            Failure::Usage(reason) => {
                eprintln!("pelton: {reason}\n\nFor more information, try '--help'.");
                ExitCode::from(2)
            }
            Failure::Failed(reason) => {
                eprintln!("pelton: {reason}");
                ExitCode::FAILURE
            }
            Failure::Exit(code, reason) => {
                eprintln!("pelton: {reason}");
                ExitCode::from(code)
            }
            Failure::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl From<pelton_client::Error> for Failure {
    fn from(error: pelton_client::Error) -> Self {
        match error {
            pelton_client::Error::Invalid(reason) => Failure::Usage(reason.to_string()),
            error => Failure::Failed(error.to_string()),
        }
    }
}

/// For errors of our own output; those of input files carry the file's name.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Failed(error.to_string()),
        }
    }
}
