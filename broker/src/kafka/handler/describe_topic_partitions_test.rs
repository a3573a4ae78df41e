use super::*;

const TOPICS: [(&str, Option<i32>); 3] = [("a", Some(2)), ("b", None), ("c", Some(3))];

fn pages(start: Option<Position<'_>>, partitions_max: i32) -> Page<'static> {
    let first = start.map_or("a", |start| start.topic);
    page(TOPICS.into_iter().filter(|(name, _)| *name >= first), start, partitions_max)
}

#[test]
fn everything_that_fits_is_one_page() {
    for partitions_max in [5, 6, i32::MAX] {
        let all = vec![("a", Some(0..2)), ("b", None), ("c", Some(0..3))];
        assert_eq!(pages(None, partitions_max), Page { topics: all, next: None });
    }
}

#[test]
fn a_page_ends_inside_a_topic_or_in_front_of_one() {
    for (partitions_max, topics, next) in [
        (1, vec![("a", Some(0..1))], Position { topic: "a", index: 1 }),
        (2, vec![("a", Some(0..2))], Position { topic: "b", index: 0 }),
        (
            3,
            vec![("a", Some(0..2)), ("b", None), ("c", Some(0..1))],
            Position { topic: "c", index: 1 },
        ),
    ] {
        assert_eq!(pages(None, partitions_max), Page { topics, next: Some(next) });
    }
}

#[test]
fn cursors_lead_through_every_partition_once() {
    for partitions_max in 1..=6 {
        let mut seen = Vec::new();
        let mut start = None;
        loop {
            let page = pages(start, partitions_max);
            for (name, range) in page.topics {
                seen.extend(range.into_iter().flatten().map(|index| (name, index)));
            }
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        assert_eq!(seen, [("a", 0), ("a", 1), ("c", 0), ("c", 1), ("c", 2)]);
    }
}

#[test]
fn a_cursor_beyond_the_last_partition_gives_none_and_no_error() {
    for index in [2, 9, i32::MAX] {
        let page = pages(Some(Position { topic: "a", index }), 2);
        let (name, range) = page.topics[0].clone();
        assert_eq!((name, range.into_iter().flatten().count()), ("a", 0));
        assert_eq!(page.next, Some(Position { topic: "c", index: 2 }));
    }
}
