use super::*;

#[test]
fn files_are_classed_by_their_place_in_the_data_directory() {
    for (path, class) in [
        ("/d/shard/0/journal.0001", FileClass::Journal),
        ("/d/topics/7f/3/00000000000000000000.log", FileClass::Segment),
        ("/d/topics/7f/3/00000000000000000000.idx", FileClass::Segment),
        ("/d/shard/0/state.1", FileClass::State),
        ("/d/cluster/log.0", FileClass::Other),
        ("/d/meta", FileClass::Other),
    ] {
        assert_eq!(FileClass::of(Path::new(path)), class, "{path}");
    }
}

#[test]
fn each_class_has_figures_of_its_own_and_they_add_up() {
    let (mut one, mut other) = (IoTimes::default(), IoTimes::default());
    one.note_write(FileClass::Journal, 4096, Duration::from_micros(90));
    other.note_write(FileClass::Journal, 8192, Duration::from_micros(90));
    other.note_sync(FileClass::Segment, Duration::from_millis(1));
    other.note_read(FileClass::Segment, 100, Duration::from_millis(1));
    one.merge(&other);
    let journal = one.class(FileClass::Journal);
    assert_eq!((journal.writes.count(), journal.bytes_written), (2, 12_288));
    let segment = one.class(FileClass::Segment);
    assert_eq!((segment.syncs.count(), segment.reads.count(), segment.bytes_read), (1, 1, 100));
    assert_eq!(one.class(FileClass::State).writes.count(), 0);
}
