//! Stops that were asked for, starts that are refused, and other numbers of cores.

use std::net::TcpListener;

use crate::support::clients::{SOON, config, create_topic, numbered, payloads, produce, read_all};
use crate::support::patience::eventually;
use crate::support::requests::fetch;
use crate::support::wire::{Connection, End};
use crate::support::{Broker, directory, has_two_cores};

#[test]
fn a_stop_is_clean_and_the_next_start_has_nothing_to_read() {
    let data = directory();
    let mut kept = 0;
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let broker = Broker::start(data.path());
        if kept == 0 {
            create_topic(&broker, "kept", 4);
        }
        for partition in 0..4 {
            produce(&config(&broker), "kept", partition, &numbered("n", kept..kept + 500));
        }
        kept += 500;

        let (code, said) = broker.stop_by(signal);
        assert_eq!(code, Some(0), "{said}");

        let broker = Broker::start(data.path());
        let said = broker.said();
        assert!(said.contains("opened: there was nothing to recover"), "{said}");
        assert!(!said.contains('\x1b'), "no colours where nobody sees them: {said}");
        assert!(!said.contains("unclean"), "{said}");
        for partition in 0..4 {
            assert_eq!(payloads(&broker, "kept", partition), numbered("n", 0..kept));
        }
        assert_eq!(broker.stop().0, Some(0));
    }
}

#[test]
fn a_stop_answers_waiting_consumers_at_once() {
    const TWO_MINUTES_MS: i32 = 120_000;
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "quiet", 1);
    let fetch = fetch("quiet", [(0, 0)].into_iter(), TWO_MINUTES_MS, 1 << 20);
    let mut connection = Connection::open(&broker);
    assert!(connection.send(&fetch.frame()));
    eventually("the fetch is read", SOON, || connection.is_read().then_some(()));

    // Which is less patient than the fetch.
    let (code, said) = broker.stop();

    assert_eq!(code, Some(0), "{said}");
    let end = connection.end(SOON);
    assert!(matches!(end, End::Closed(bytes) if bytes > 0), "{end:?}");
}

#[test]
fn a_data_directory_serves_one_broker() {
    let data = directory();
    let broker = Broker::start(data.path());

    let (code, said) = Broker::refused(data.path(), 0, &[]);

    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("another broker uses this data directory"), "{said}");
    produce(&config(&broker), "still-there", 0, &numbered("n", 0..10));
}

#[test]
fn a_taken_port_is_refused_whoever_has_it() {
    let (data, other) = (directory(), directory());
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = stranger.local_addr().expect("an address").port();
    let (code, said) = Broker::refused(data.path(), port, &[]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(&port.to_string()), "{said}");

    // A broker's own sockets share their port, but not with another broker.
    let broker = Broker::start(data.path());
    let (code, said) = Broker::refused(other.path(), broker.address.port(), &[]);
    assert_eq!(code, Some(4), "{said}");
}

#[test]
fn an_option_that_makes_no_sense_is_refused() {
    let data = directory();
    for options in [["--cores", "0"], ["--set", "num.partitions=none"], ["--cores", "100000"]] {
        let (code, said) = Broker::refused(data.path(), 0, &options);
        assert_eq!(code, Some(2), "{options:?}: {said}");
        assert!(!said.contains("InvalidConfig"), "that is a client's word: {said}");
    }
}

#[test]
fn a_directory_that_cannot_be_is_refused() {
    let place = directory();
    let file = place.path().join("file");
    std::fs::write(&file, "no directory").expect("written");

    let (code, said) = Broker::refused(&file.join("data"), 0, &[]);

    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains(&*file.to_string_lossy()), "{said}");
}

#[test]
fn rot_in_what_the_broker_knows_of_itself_is_refused() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "known", 1);
    assert_eq!(broker.stop().0, Some(0));
    for name in ["meta", "cluster/log"] {
        let path = data.path().join(name);
        let sound = std::fs::read(&path).expect("read");
        let mut rotten = sound.clone();
        rotten[20] ^= 1;
        std::fs::write(&path, &rotten).expect("written");

        let (code, said) = Broker::refused(data.path(), 0, &[]);

        assert_eq!(code, Some(6), "{said}");
        assert!(said.contains(&*path.to_string_lossy()), "{said}");
        assert_eq!(std::fs::read(&path).expect("read"), rotten, "a refusal changes nothing");
        std::fs::write(&path, &sound).expect("written");
    }
    let broker = Broker::start(data.path());
    assert_eq!(read_all(&broker, "known", 0), []);
}

/// Else all topics would be taken for deleted ones, and their files removed.
#[test]
fn topics_without_their_metadata_are_refused_and_left_alone() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "kept", 1);
    produce(&config(&broker), "kept", 0, &numbered("n", 0..10));
    assert_eq!(broker.stop().0, Some(0));
    let (cluster, away) = (data.path().join("cluster"), data.path().join("away"));
    std::fs::rename(&cluster, &away).expect("moved");
    for _ in 0..2 {
        let (code, said) = Broker::refused(data.path(), 0, &[]);
        assert_eq!(code, Some(6), "{said}");
        assert!(said.contains("the metadata of the cluster is gone"), "{said}");
    }
    std::fs::remove_dir_all(&cluster).expect("an empty one");
    std::fs::rename(&away, &cluster).expect("brought back");
    let broker = Broker::start(data.path());
    assert_eq!(payloads(&broker, "kept", 0), numbered("n", 0..10));
}

#[test]
fn data_of_a_newer_version_is_refused() {
    let data = directory();
    assert_eq!(Broker::start(data.path()).stop().0, Some(0));
    let path = data.path().join("meta");
    let text = std::fs::read_to_string(&path).expect("read");
    let (fields, _crc) = text.split_once("crc=").expect("a checksum");
    let newer = fields.replacen("format=0", "format=4000", 1);
    assert_ne!(newer, fields);
    let crc = crc32c::crc32c(newer.as_bytes());
    std::fs::write(&path, format!("{newer}crc={crc:08x}\n")).expect("written");

    let (code, said) = Broker::refused(data.path(), 0, &[]);

    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("4000"), "{said}");
}

#[test]
fn all_data_is_kept_when_the_number_of_cores_changes() {
    const PARTITIONS: i32 = 4;
    if !has_two_cores("all_data_is_kept_when_the_number_of_cores_changes") {
        return;
    }
    let data = directory();
    let mut kept = 0;
    for (cores, is_killed) in [("2", true), ("1", false), ("2", true), ("1", true)] {
        let broker = Broker::start_with(data.path(), 0, &["--cores", cores]);
        if kept == 0 {
            create_topic(&broker, "moved", PARTITIONS);
        }
        for partition in 0..PARTITIONS {
            let name = format!("{partition}");
            assert!(
                payloads(&broker, "moved", partition) == numbered(&name, 0..kept),
                "partition {partition} with {cores} cores"
            );
            let more = numbered(&name, kept..kept + 300);
            let deliveries = produce(&config(&broker), "moved", partition, &more);
            assert_eq!(deliveries[0], Ok(kept as i64));
        }
        kept += 300;
        match is_killed {
            true => broker.kill(),
            false => assert_eq!(broker.stop().0, Some(0)),
        }
    }
    let broker = Broker::start_with(data.path(), 0, &["--cores", "2"]);
    for partition in 0..PARTITIONS {
        let expected = numbered(&format!("{partition}"), 0..kept);
        assert!(payloads(&broker, "moved", partition) == expected, "partition {partition}");
    }
}

#[test]
fn a_config_that_does_nothing_here_is_said_to_do_nothing() {
    let data = directory();
    let without = ["num.io.threads=4", "authorizer.class.name=org.example.Authorizer"];
    let options = ["--set", without[0], "--set", without[1], "--set", "num.partitions=2"];
    let broker = Broker::start_with(data.path(), 0, &options);
    let said = broker.said();
    let about = |name: &str| {
        said.lines().find(|line| line.contains("has no effect here") && line.contains(name))
    };
    assert!(about("num.io.threads").is_some_and(|line| line.contains("one thread per core")));
    assert!(about("authorizer.class.name").is_some_and(|line| line.contains("security")), "{said}");
    assert_eq!(said.matches("has no effect here").count(), without.len(), "{said}");
}
