//! Machines that lack something: a start tells what is missing, and the cure; what runs goes on.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use crate::support::clients::{config, create_topic, numbered, produce};
use crate::support::patience::eventually;
use crate::support::wire::{Connection, Fields};
use crate::support::{Broker, directory};

const PATIENCE: Duration = Duration::from_secs(60);

const DELETE_TOPICS: i16 = 20;

/// Its exit code, and what it said, after `limit_itself` between fork and exec. That makes system
/// calls only and allocates nothing.
fn refused_after(
    limit_itself: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) -> (Option<i32>, String) {
    let data = directory();
    Broker::refused_by(data.path(), 0, &[], |command| {
        // SAFETY: see above.
        unsafe { command.pre_exec(limit_itself) }
    })
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn limit_to(which: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the pointer is to a live value.
    checked(unsafe { libc::setrlimit(which, &limit) })
}

/// From now on `io_uring_setup` is answered with `errno`, as the profiles of containers do it; see
/// seccomp(2).
fn hide_io_uring(errno: libc::c_int) -> io::Result<()> {
    let step =
        |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut steps = [
        // The number of the call is the first field of `seccomp_data`.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_io_uring_setup as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: numbers, and a pointer to a program that lives as long as the call, which copies it.
    unsafe {
        checked(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        checked(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program))
    }
}

#[test]
fn too_few_files_are_told() {
    let (code, said) = refused_after(|| limit_to(libc::RLIMIT_NOFILE, 32));
    assert_eq!(code, Some(8), "{said}");
    assert!(said.contains("32 files") && said.contains("ulimit -n"), "{said}");
}

#[test]
fn too_little_memory_that_may_be_locked_is_told() {
    let (code, said) = refused_after(|| limit_to(libc::RLIMIT_MEMLOCK, 64 << 10));
    assert_eq!(code, Some(8), "{said}");
    assert!(said.contains("64 KiB may be locked") && said.contains("ulimit -l"), "{said}");
}

#[test]
fn a_container_that_hides_io_uring_is_told_its_profile() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let (code, said) = refused_after(move || hide_io_uring(errno));
        assert_eq!(code, Some(8), "{said}");
        assert!(said.contains("seccomp=deploy/seccomp.json"), "{said}");
    }
}

/// Which clients can bring about by connecting.
#[test]
fn files_of_a_topic_that_is_deleted_while_no_file_can_be_opened_go_later() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "t", 1);
    let deliveries = produce(&config(&broker), "t", 0, &numbered("n", 0..1000));
    assert!(deliveries.iter().all(Result::is_ok));
    let topics = data.path().join("topics");
    let has_any = |dir: &Path| std::fs::read_dir(dir).is_ok_and(|mut it| it.next().is_some());
    eventually("the first checkpoint", PATIENCE, || has_any(&topics).then_some(()));
    let mut connection = Connection::open(&broker);
    assert!(connection.is_served());
    let allowed = broker.limit_files(3);
    let request = Fields::request(DELETE_TOPICS, 1).i32(1).string("t").i32(30_000);
    assert!(connection.send(&request.frame()));
    let answer = connection.answer(PATIENCE).expect("an answer");
    assert!(answer.ends_with(&[0, 1, b't', 0, 0]), "{answer:?}");
    let is_told = || broker.said().contains("they are removed later").then_some(());
    eventually("it says so", PATIENCE, is_told);
    assert!(has_any(&topics));
    broker.limit_files(allowed);
    eventually("they go", PATIENCE, || (!has_any(&topics)).then_some(()));
}
