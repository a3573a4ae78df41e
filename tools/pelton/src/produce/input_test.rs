use super::*;

fn format() -> InputFormat {
    InputFormat {
        delimiter: b"\n".to_vec(),
        key_separator: None,
        null_if_empty: false,
        json: false,
    }
}

/// All records of an input, and its error.
fn read(input: &[u8], format: &InputFormat) -> (Vec<ReadRecord>, Option<String>) {
    let (chunks, mut arriving) = mpsc::channel(1000);
    let result = read_records(input, format, &chunks);
    drop(chunks);
    let mut records = Vec::new();
    while let Ok(Chunk::Records(chunk)) = arriving.try_recv() {
        records.extend(chunk);
    }
    (records, result.err())
}

fn values(records: &[ReadRecord]) -> Vec<Option<&str>> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    records.iter().map(|record| record.value.as_deref().map(text)).collect()
}

#[test]
fn each_line_is_a_record_and_the_last_needs_no_end() {
    let (records, error) = read(b"a\n\nb", &format());
    assert_eq!(values(&records), [Some("a"), Some(""), Some("b")]);
    assert_eq!(error, None);
    assert_eq!(read(b"a\n", &format()).0.len(), 1);
    assert_eq!(read(b"", &format()).0.len(), 0);
}

#[test]
fn a_delimiter_may_be_several_bytes_that_also_occur_alone() {
    let format = InputFormat { delimiter: b";;".to_vec(), ..format() };
    let (records, _) = read(b"a;b;;c;;;d", &format);
    assert_eq!(values(&records), [Some("a;b"), Some("c"), Some(";d")]);
}

#[test]
fn the_first_separator_ends_the_key() {
    let format = InputFormat { key_separator: Some(b"::".to_vec()), ..format() };
    let (records, _) = read(b"k::v::w\nplain\n::", &format);
    assert_eq!(records[0].key.as_deref(), Some(b"k".as_slice()));
    assert_eq!(values(&records), [Some("v::w"), Some("plain"), Some("")]);
    assert_eq!(records[1].key, None);
    assert_eq!(records[2].key.as_deref(), Some(b"".as_slice()));
}

#[test]
fn nothing_can_stand_for_null() {
    let format =
        InputFormat { key_separator: Some(b":".to_vec()), null_if_empty: true, ..format() };
    let (records, _) = read(b"k:\n:v\n", &format);
    assert_eq!(values(&records), [None, Some("v")]);
    assert_eq!(records[1].key, None);
}

#[test]
fn records_before_a_bad_line_are_kept_and_the_line_is_named() {
    let format = InputFormat { json: true, ..format() };
    let (records, error) = read(b"{\"value\":\"a\"}\n\n{\"value\":\n", &format);
    assert_eq!(values(&records), [Some("a")]);
    assert!(error.unwrap().starts_with("record 3:"));
}

#[test]
fn long_records_are_handed_over_before_they_are_many() {
    // No whole number of them fits what is read at once.
    let length = 300_001;
    let input = [vec![b'x'; length], b"\n".to_vec()].concat().repeat(50);
    let (chunks, mut arriving) = mpsc::channel(1000);
    read_records(&*input, &format(), &chunks).unwrap();
    let mut count = 0;
    while let Ok(Chunk::Records(records)) = arriving.try_recv() {
        count += records.len();
        let bytes: usize = records.iter().map(|record| record.value.as_ref().unwrap().len()).sum();
        assert!(bytes < CHUNK_BYTES + length, "{bytes}");
    }
    assert_eq!(count, 50);
}
