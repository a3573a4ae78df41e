use std::io::Read;

use super::*;

/// Whether this thread keeps a context for packing, and one for unpacking.
fn kept() -> (bool, bool) {
    (COMPRESSOR.with_borrow(Option::is_some), DECOMPRESSOR.with_borrow(Option::is_some))
}

#[test]
fn contexts_are_kept_for_the_next_batch() {
    assert_eq!(kept(), (false, false), "each test has a thread of its own");
    let packed = compress(3, &[7; 1_000]);
    assert_eq!(kept(), (true, false));
    let mut plain = Vec::new();
    unpacker(&packed).read_to_end(&mut plain).expect("sound");
    assert_eq!((plain.len(), kept()), (1_000, (true, true)));
}

/// A level with a wide window, and a frame that needs one, would hold their memory for ever.
#[test]
fn contexts_that_have_grown_are_not_kept() {
    let packed = compress(19, &vec![7; 9 << 20]);
    assert_eq!(kept(), (false, false));
    let mut unpacker = unpacker(&packed);
    let mut piece = vec![0; 1 << 20];
    assert!(unpacker.read(&mut piece).expect("sound") > 0);
    drop(unpacker);
    assert_eq!(kept(), (false, false));
}
