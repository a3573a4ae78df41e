use super::*;

#[test]
fn kinds_of_clients_are_bounded_and_each_is_let_go_as_it_was_counted() {
    let mut figures = ShardFigures::default();
    for version in 0..CLIENT_KINDS_MAX {
        figures.add_client("many", &version.to_string());
    }
    let late = figures.add_client("late", "1");
    assert_eq!(late, ("other".to_owned(), String::new()));
    let early = ("many".to_owned(), "0".to_owned());
    figures.remove_client(&early);
    figures.remove_client(&late);
    assert_eq!(figures.clients.len(), CLIENT_KINDS_MAX - 1);
    let now_there_is_room = figures.add_client("late", "1");
    assert_eq!(now_there_is_room, ("late".to_owned(), "1".to_owned()));
}
