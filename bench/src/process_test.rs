use super::*;

#[test]
fn the_time_is_found_behind_a_name_that_holds_anything() {
    let stat = "42 (a) b (c d)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 3 0 100";
    assert_eq!(cpu_seconds(stat, 100), Some(3.0));
    for malformed in ["", "42 (a", "42 (a) S 1 2 3", "42 (a) S 1 2 3 4 5 6 7 8 9 10 x 50"] {
        assert_eq!(cpu_seconds(malformed, 100), None);
    }
}

#[test]
fn numbers_are_found_by_their_whole_name() {
    let io = "rchar: 1\ncancelled_write_bytes: 7\nwrite_bytes: 8\n";
    assert_eq!(value_of(io, "write_bytes"), Some(8));
    assert_eq!(value_of("VmRSS:\t  1234 kB\n", "VmRSS"), Some(1234));
    assert_eq!(value_of(io, "read_bytes"), None);
}

#[test]
fn this_process_has_memory_and_its_time_does_not_go_back() {
    let pid = std::process::id();
    let before = Sample::of(pid).unwrap();
    let mut sum = 0u64;
    while Sample::of(pid).unwrap().since(&before).cpu_seconds < 0.02 {
        sum = (0..1_000_000).fold(sum, |sum, at| sum ^ at);
    }
    assert!(before.resident_bytes > 100_000 && before.resident_bytes_peak > 100_000, "{sum}");
    assert!(Sample::of(u32::MAX).is_err());
}

#[test]
fn usage_is_the_difference() {
    let io = |read_bytes, write_bytes| Some(DeviceIo { read_bytes, write_bytes });
    let before = Sample { cpu_seconds: 1.0, io: io(10, 20), ..Sample::default() };
    let after = Sample { cpu_seconds: 3.5, resident_bytes: 7, io: io(11, 25), ..Sample::default() };
    let usage = after.since(&before);
    assert_eq!((usage.cpu_seconds, usage.resident_bytes, usage.io), (2.5, 7, io(1, 5)));
    assert_eq!(Sample { io: None, ..after }.since(&before).io, None);
}
