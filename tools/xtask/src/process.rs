//! Other programs, run to their end.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The cargo that started us, so that a toolchain chosen by `cargo +x` is kept.
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs a program whose output goes to ours.
///
/// # Errors
/// When it cannot be started or does not end well.
pub fn run(
    program: impl Into<OsString>,
    arguments: &[&str],
    directory: &Path,
) -> Result<(), String> {
    let program = program.into();
    let status = Command::new(&program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", line(&program, arguments)))
    }
}

/// Runs a program whose output goes to ours, and shows each line of its standard output to `look`.
///
/// # Errors
/// When it cannot be started or does not end well.
pub fn watch(
    program: impl Into<OsString>,
    arguments: &[&str],
    directory: &Path,
    mut look: impl FnMut(&str),
) -> Result<(), String> {
    let program = program.into();
    let failed = |error| format!("cannot run {}: {error}", program.display());
    let mut child = Command::new(&program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(failed)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            look(&line);
        }
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", line(&program, arguments)))
    }
}

/// Runs a program and returns what it wrote to its standard output.
///
/// # Errors
/// When it cannot be started, does not end well (the message then has its standard error), or
/// wrote something other than UTF-8.
pub fn output(
    program: impl Into<OsString>,
    arguments: &[&str],
    directory: &Path,
) -> Result<String, String> {
    let program = program.into();
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{} ended with {}\n{}",
            line(&program, arguments),
            output.status,
            complaint.trim_end()
        ));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("{} did not write UTF-8", line(&program, arguments)))
}

/// Whether a program of this name is on the search path.
pub fn is_installed(program: &str) -> bool {
    let Some(directories) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&directories).any(|directory| directory.join(program).is_file())
}

fn line(program: &OsString, arguments: &[&str]) -> String {
    let name = Path::new(program).file_name().unwrap_or(program);
    format!("`{} {}`", name.display(), arguments.join(" "))
}
