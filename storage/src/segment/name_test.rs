use std::path::Path;

use pelton_model::Offset;

use super::SegmentName;

#[test]
fn files_are_named_by_offset_and_generation() {
    let carried = SegmentName::carried(Offset::new(42));
    assert_eq!(carried.log_path(Path::new("/d")), Path::new("/d/00000000000000000042.log"));
    let third = SegmentName { generation: 3, ..carried };
    assert_eq!(third.index_path(Path::new("/d")), Path::new("/d/00000000000000000042.3.idx"));
    for name in [carried, third, SegmentName::carried(Offset::new(i64::MAX))] {
        assert_eq!(SegmentName::of_file(&format!("{name}.log")), Some(name));
        assert_eq!(SegmentName::of_file(&format!("{name}.idx")), Some(name));
    }
}

#[test]
fn other_files_are_nobodys() {
    let zeros = "0".repeat(19);
    for name in ["", ".log", "x", "42.log", "a.idx"] {
        assert_eq!(SegmentName::of_file(name), None, "{name}");
    }
    for end in ["1", "1.tmp", "1.0.log", "1.01.log", "1.-1.log", "1.1.1.log", "+.log", "1.log.idx"]
    {
        assert_eq!(SegmentName::of_file(&format!("{zeros}{end}")), None, "{end}");
    }
}
