use super::*;
use crate::config::value;
use crate::config::{BROKER_CONFIGS, CLIENT_METRICS_CONFIGS, GROUP_CONFIGS, TOPIC_CONFIGS};

fn tables() -> [&'static Table; 4] {
    [&TOPIC_CONFIGS, &GROUP_CONFIGS, &BROKER_CONFIGS, &CLIENT_METRICS_CONFIGS]
}

#[test]
fn the_tables_have_as_many_configs_as_kafka_4_4() {
    let is_kafkas = |def: &&ConfigDef| !def.name.starts_with("pelton.");
    let count = |table: &Table| table.iter().filter(is_kafkas).count();
    assert_eq!(tables().map(count), [38, 27, 353, 3]);
    let hidden = |table: &Table| table.iter().filter(is_kafkas).filter(|def| def.internal).count();
    assert_eq!(tables().map(hidden), [1, 6, 0, 0]);
}

#[test]
fn what_is_not_kafkas_is_described_only_where_it_is_set() {
    let own = tables().into_iter().flat_map(Table::iter);
    assert!(own.filter(|def| def.name.starts_with("pelton.")).all(|def| def.internal));
}

#[test]
fn the_tables_are_sorted_so_that_every_name_is_found() {
    for table in tables() {
        for def in table.iter() {
            assert_eq!(table.get(def.name).map(|found| found.name), Some(def.name));
        }
        assert!(table.iter().is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(table.get("no.such.config"), None);
    }
}

#[test]
fn every_default_is_valid() {
    for def in tables().into_iter().flat_map(Table::iter) {
        if let Some(default) = def.default {
            assert_eq!(value::check(def, default), Ok(()), "{}", def.name);
        }
    }
}

#[test]
fn every_synonym_is_a_broker_config() {
    // Internal broker configs are in no table: their group configs fall back to their own default.
    for def in tables().into_iter().flat_map(Table::iter).filter(|def| !def.internal) {
        for synonym in def.synonyms {
            assert!(BROKER_CONFIGS.get(synonym).is_some(), "{} -> {synonym}", def.name);
        }
    }
}

#[test]
fn a_record_is_durable_before_it_is_acknowledged_by_default() {
    assert_eq!(TOPIC_CONFIGS.get("flush.messages").unwrap().default, Some("1"));
    assert_eq!(BROKER_CONFIGS.get("log.flush.interval.messages").unwrap().default, Some("1"));
}
