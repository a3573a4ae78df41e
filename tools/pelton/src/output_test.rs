use super::*;

#[test]
fn columns_line_up_and_lines_end_at_their_last_letter() {
    let mut table = Table::new(&["NAME", "PARTITIONS"]);
    table.row(vec!["orders-éu".into(), "3".into()]);
    let mut output = Vec::new();
    table.write(&mut output).unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), "NAME       PARTITIONS\norders-éu  3\n");
}

#[test]
fn one_thing_is_not_called_many() {
    let said = [0, 1, 2].map(|count: i64| counted(count, "partition"));
    assert_eq!(said, ["0 partitions", "1 partition", "2 partitions"]);
}
