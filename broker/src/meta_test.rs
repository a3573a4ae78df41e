use super::*;

#[test]
fn meta_reads_back_what_it_wrote() {
    let meta = Meta { cluster_id: "c".into(), node_id: 7, directory_id: "d".into() };
    assert!(matches!(Meta::decode(meta.encode().as_bytes()), Ok(read) if read == meta));
}

#[test]
fn every_flipped_bit_of_meta_is_found() {
    let content = Meta { cluster_id: "c".into(), node_id: 7, directory_id: "d".into() }.encode();
    for bit in 0..content.len() * 8 {
        let mut broken = content.clone().into_bytes();
        broken[bit / 8] ^= 1 << (bit % 8);
        // The case of a hexadecimal digit, and the line end behind it, mean nothing.
        let meant_nothing = Meta::decode(&broken).is_ok();
        assert!(!meant_nothing || bit / 8 > content.rfind("crc=").unwrap(), "bit {bit}");
    }
}

#[test]
fn a_uuid_is_written_as_kafka_writes_it() {
    assert_eq!(uuid_text(&[0; 16]), "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(uuid_text(&[0xff; 16]), "_____________________w");
}
