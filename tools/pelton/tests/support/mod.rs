//! A broker of flesh and blood: the real binary, on a real port, with its data in a directory.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod clients;
pub mod ext4;
pub mod metrics;
pub mod mount;
pub mod patience;
pub mod requests;
pub mod wire;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use patience::eventually;

/// A debug build on a busy machine, and up to 5 s until a killed predecessor's lock is free.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A stop waits up to 10 s for requests in flight.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

/// Of the log of a broker whose test failed.
const SHOWN_LINES: usize = 30;

/// A directory that goes with the test. Not in /tmp, which may be in memory.
pub fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory")
}

/// A port for a broker that comes back on it. Below the ports that the kernel gives to outgoing
/// connections, one of which could otherwise take it while the broker is away.
pub fn port_for_life() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let at = std::process::id().wrapping_mul(7) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (at % 10_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running `pelton start`; killed when dropped, and then, if the test failed, its log is shown.
pub struct Broker {
    child: Child,
    pub address: SocketAddr,
    /// What it writes to stderr.
    log: PathBuf,
    _logs: TempDir,
}

impl Broker {
    /// Starts on a port that the kernel chooses.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, 0, &[])
    }

    /// Returns when it is ready.
    pub fn start_with(data: &Path, port: u16, options: &[&str]) -> Self {
        let mut broker = Self::begin(data, port, options);
        if let Err(ended) = broker.become_ready() {
            panic!("it ended instead: {ended:?}");
        }
        broker
    }

    /// Returns as soon as the process is there.
    pub fn begin(data: &Path, port: u16, options: &[&str]) -> Self {
        let logs = directory();
        let log = logs.path().join("log");
        let child = command(data, port, options, &log).spawn().expect("pelton");
        // The port may be learnt later; from here on the child is killed whatever happens.
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { child, address, log, _logs: logs }
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn become_ready(&mut self) -> Result<(), ExitStatus> {
        self.address = eventually("a broker is ready", READY_WITHIN, || {
            match self.child.try_wait().expect("a child") {
                Some(ended) => Some(Err(ended)),
                None => ready_address(&self.said()).map(Ok),
            }
        })?;
        Ok(())
    }

    /// Starts what cannot start: its exit code, and what it said.
    pub fn refused(data: &Path, port: u16, options: &[&str]) -> (Option<i32>, String) {
        Self::refused_by(data, port, options, |command| command)
    }

    /// The same, after a change to how it is started.
    pub fn refused_by(
        data: &Path,
        port: u16,
        options: &[&str],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> (Option<i32>, String) {
        let logs = directory();
        let log = logs.path().join("log");
        let child = change(&mut command(data, port, options, &log)).spawn().expect("pelton");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut broker = Self { child, address, log, _logs: logs };
        let status = broker.ended();
        (status.code(), broker.said())
    }

    /// What it has said on stderr.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Bytes of memory that it holds at present, shared pages included.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that it has held since [`Broker::forget_peak`], or since its start.
    pub fn peak_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// Those that it has open in a directory, or below.
    pub fn open_files(&self, directory: &Path) -> usize {
        let directory = directory.canonicalize().expect("a directory");
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("a process");
        // One that it has closed meanwhile cannot be read.
        let files = files.filter_map(|file| fs::read_link(file.expect("a file").path()).ok());
        files.filter(|file| file.starts_with(&directory)).count()
    }

    /// From now on it opens no more files, connections included, while it has so many: below what it
    /// has, none at all. Returns what it was allowed before.
    pub fn limit_files(&self, most: u64) -> u64 {
        let process = self.child.id() as libc::pid_t;
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointers are null or to a live value.
        let told = unsafe {
            libc::prlimit(process, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut limit)
        };
        assert_eq!(told, 0, "{}", std::io::Error::last_os_error());
        let new = libc::rlimit { rlim_cur: most, ..limit };
        // SAFETY: as above.
        let set = unsafe {
            libc::prlimit(process, libc::RLIMIT_NOFILE, &raw const new, std::ptr::null_mut())
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
        limit.rlim_cur
    }

    pub fn forget_peak(&self) {
        // 5: the peak becomes what is held now, proc_pid_clear_refs(5).
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("our own child");
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// `kill -9`; returns when the process is gone.
    pub fn kill(self) {
        drop(self);
    }

    /// SIGTERM; its exit code, and all that it said.
    pub fn stop(self) -> (Option<i32>, String) {
        self.stop_by(libc::SIGTERM)
    }

    pub fn stop_by(mut self, signal: libc::c_int) -> (Option<i32>, String) {
        // SAFETY: kill takes numbers; the child is ours and has not been waited for.
        let sent = unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        assert_eq!(sent, 0, "the signal could not be sent");
        let status = self.ended();
        (status.code(), self.said())
    }

    fn ended(&mut self) -> ExitStatus {
        eventually("a broker ends", ENDED_WITHIN, || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails if it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            let last = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            eprintln!("---- the broker at {} said last:\n{last}\n----", self.address);
        }
    }
}

fn command(data: &Path, port: u16, options: &[&str], log: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pelton"));
    command
        .args(["start", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
        .arg(data)
        .args(options)
        .env_remove("PELTON_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log).expect("a log"));
    command
}

/// From "pelton 0.1.0 is ready: 127.0.0.1:PORT (clients ...".
fn ready_address(said: &str) -> Option<SocketAddr> {
    let (_, rest) = said.split_once(" is ready: ")?;
    rest.split_once(' ')?.0.parse().ok()
}

/// Two cores, or the test says that it was not run.
pub fn has_two_cores(test: &str) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        skipped(test, "it needs two cores");
    }
    cores >= 2
}

pub fn skipped(test: &str, why: &str) {
    // Past the test harness, which shows nothing of tests that pass.
    let line = format!("\n==== SKIPPED: {test}: {why}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}
