use super::*;

#[test]
fn a_value_tells_its_record_and_only_in_its_partition() {
    let (here, there) = (some_partition(1), some_partition(2));
    for number in 0..1000 {
        let value = value(number, here);
        assert_eq!(record(Some(&value), here), Some(number));
        assert_eq!(record(Some(&value), there), None);
    }
}

#[test]
fn a_value_with_another_byte_anywhere_is_nobodys() {
    let partition = some_partition(1);
    let value = value(7, partition);
    for at in 0..value.len() {
        let mut other = value.clone();
        other[at] ^= 1;
        assert_ne!(record(Some(&other), partition), Some(7));
    }
    assert_eq!(record(Some(&value[..value.len() - 1]), partition), None);
    assert_eq!(record(None, partition), None);
}
