use pelton_fuzz_targets::mutate::{Random, mutate};

use super::*;

fn deployed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/pelton.toml")
}

#[test]
fn the_sample_configuration_is_taken() {
    let args = StartArgs { config: Some(deployed()), ..StartArgs::default() };
    let config = resolve(args).expect("the sample is valid");
    assert_eq!(config.data_dir, Path::new("/var/lib/pelton"));
    assert_eq!(config.kafka["message.max.bytes"], "1048588");
    config.check_kafka().expect("its Kafka configs are valid");
}

#[test]
fn a_flag_stands_above_the_file() {
    let args = StartArgs {
        config: Some(deployed()),
        listen: Some("127.0.0.1:1234".into()),
        set: vec![("num.partitions".into(), "7".into())],
        ..StartArgs::default()
    };
    let config = resolve(args).expect("valid");
    assert_eq!(config.advertise_port, 1234);
    assert_eq!(config.kafka["num.partitions"], "7");
}

#[test]
fn listening_everywhere_needs_an_address_to_tell() {
    let args = StartArgs { listen: Some("0.0.0.0:9092".into()), ..StartArgs::default() };
    assert!(matches!(resolve(args), Err(Failure::Usage(why)) if why.contains("--advertise")));
}

#[test]
fn what_no_client_could_dial_is_not_advertised() {
    let advertise = |text: &str| {
        resolve(StartArgs { advertise: Some(text.into()), ..StartArgs::default() })
            .map(|config| (config.advertise_host, config.advertise_port))
    };
    assert_eq!(advertise("log1.example:9092").ok(), Some(("log1.example".into(), 9092)));
    assert_eq!(advertise("[fe80::1]:9092").ok(), Some(("fe80::1".into(), 9092)));
    for bad in [":9092", "[]:9092", "0.0.0.0:9092", "[::]:9092", "PLAINTEXT://h:9092", "h", "h:x"] {
        let Err(Failure::Usage(why)) = advertise(bad) else { panic!("{bad} was taken") };
        assert!(why.contains(bad), "{why}");
    }
}

#[test]
fn a_file_that_chooses_cores_twice_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pelton.toml");
    std::fs::write(&path, "cores = 1\ncpus = \"0\"\n").expect("written");
    let refused = resolve(StartArgs { config: Some(path), ..StartArgs::default() });
    assert!(matches!(refused, Err(Failure::Usage(why)) if why.contains("cores and cpus")));
}

#[test]
fn a_journal_of_less_than_two_files_is_refused() {
    let sizes = |journal_file_bytes, journal_bytes| {
        resolve(StartArgs { journal_file_bytes, journal_bytes, ..StartArgs::default() })
    };
    let journal = sizes(Some(32 << 10), Some(64 << 10)).expect("valid").store.journal;
    assert_eq!((journal.file_bytes, journal.ring_bytes_max), (32 << 10, 64 << 10));
    for (file, ring) in [(Some(32 << 10), Some(63 << 10)), (None, Some(16 << 20))] {
        assert!(matches!(sizes(file, ring), Err(Failure::Usage(why)) if why.contains("two files")));
    }
    for file in [4096, (16 << 10) + 1] {
        assert!(matches!(sizes(Some(file), None), Err(Failure::Usage(_))), "{file}");
    }
}

#[test]
fn an_address_of_ipv6_is_told_in_brackets() {
    let args = StartArgs { listen: Some("[::1]:9092".into()), ..StartArgs::default() };
    let config = resolve(args).expect("valid");
    assert_eq!((&*config.advertise_host, config.advertise_port), ("::1", 9092));
    assert_eq!(config.kafka["advertised.listeners"], "PLAINTEXT://[::1]:9092");
    assert_eq!(config.kafka["listeners"], "PLAINTEXT://[::1]:9092");
    assert_eq!(dialled("log1.example", 9092), "log1.example:9092");
}

#[test]
fn a_kafka_config_that_an_option_decides_names_the_option() {
    let set = |name: &str, value: &str| {
        resolve(StartArgs { set: vec![(name.into(), value.into())], ..StartArgs::default() })
    };
    for (name, value, option) in [
        ("listeners", "PLAINTEXT://0.0.0.0:9092", "--listen HOST:PORT"),
        ("advertised.listeners", "PLAINTEXT://log1.example:9092", "--advertise HOST:PORT"),
        ("log.dirs", "/a,/b", "--data-dir DIR"),
        ("log.dir", "/a", "--data-dir DIR"),
        ("node.id", "7", "node.id=7"),
        ("broker.id", "7", "broker.id=7"),
        ("process.roles", "broker", "process.roles=broker"),
    ] {
        let Err(Failure::Usage(why)) = set(name, value) else { panic!("{name} was passed over") };
        assert!(why.contains(option), "{why}");
    }
    // Whoever says the same is not contradicted.
    let same = set("listeners", "PLAINTEXT://127.0.0.1:9092").expect("no contradiction");
    assert_eq!(same.kafka["listeners"], "PLAINTEXT://127.0.0.1:9092");
    assert_eq!(same.kafka.get("log.dir"), None);
}

#[test]
fn the_room_for_requests_is_divided_among_the_cores() {
    let room = |set: &[(&str, &str)], cores: usize| {
        let set = set.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mut config = resolve(StartArgs { set, ..StartArgs::default() }).expect("valid");
        config.cpus = (0..cores).collect();
        (config.frame_budget_bytes(), config.listen_backlog())
    };
    assert_eq!(room(&[], 4), (128 << 20, 1024));
    let set = [("queued.max.request.bytes", "400000000"), ("socket.listen.backlog.size", "50")];
    assert_eq!(room(&set, 4), (100_000_000, 50));
    assert_eq!(room(&[("queued.max.request.bytes", "-1")], 1).0, 128 << 20);
}

#[test]
fn of_several_addresses_the_first_is_taken() {
    let found = ["[::1]:1", "127.0.0.1:1", "[::1]:1"].map(|text| text.parse().expect("an address"));
    assert_eq!(one_of("--listen", "a.host:1", found.into()).ok(), Some(found[0]));
    let Err(Failure::Usage(why)) = one_of("--listen", "a.host:1", Vec::new()) else { panic!() };
    assert!(why.contains("--listen a.host:1"), "{why}");
}

#[test]
fn cpu_lists_are_read_as_the_kernel_writes_them() {
    assert_eq!(cpu_list("0-2,5").ok(), Some(vec![0, 1, 2, 5]));
    for bad in ["", "a", "3-1", "0-99999999", "1,,2"] {
        assert!(cpu_list(bad).is_err(), "{bad}");
    }
}

#[test]
fn cores_are_chosen_from_those_that_are_allowed() {
    assert_eq!(choose_cpus(&[2, 3, 5], Some(2), Vec::new()).ok(), Some(vec![2, 3]));
    assert_eq!(choose_cpus(&[2, 3, 5], None, vec![5]).ok(), Some(vec![5]));
    assert!(choose_cpus(&[2, 3], Some(3), Vec::new()).is_err());
    assert!(choose_cpus(&[2, 3], None, vec![4]).is_err());
    assert!(choose_cpus(&[2, 3], None, vec![2, 2]).is_err());
}

/// Whatever stands in the file, it is taken or refused with a reason.
#[test]
fn a_file_with_any_slip_is_taken_or_refused() {
    const EXECUTIONS: u64 = 5_000;
    let sound = std::fs::read(deployed()).expect("the sample");
    let other =
        b"cores = 2\ncpus = \"0-3,8\"\n[kafka]\n\"log.retention.hours\" = 9223372036854775807\n";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slips.toml");
    for seed in 0..EXECUTIONS {
        let bytes = mutate(&mut Random(seed), &sound, other);
        std::fs::write(&path, &bytes).expect("written");
        if let Err(refused) =
            resolve(StartArgs { config: Some(path.clone()), ..Default::default() })
        {
            let Failure::Usage(why) = refused else { panic!("seed {seed}: {refused:?}") };
            assert!(!why.is_empty(), "seed {seed}");
        }
    }
}
