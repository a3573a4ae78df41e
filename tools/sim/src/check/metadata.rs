//! Topics that were told to be there are there with their partitions and configs; those that were
//! told to be gone do not come back.

use crate::history::{FinalTopic, History, TopicFacts};

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (id, facts) in &history.topics {
        match history.final_topics.get(id) {
            None if facts.deletion_asked => {}
            None => broken.push(format!("topic {} ({id}) is gone", facts.name)),
            Some(_) if facts.deletion_told => {
                broken.push(format!("topic {} ({id}) is back", facts.name));
            }
            Some(found) => broken.extend(differences(facts, found)),
        }
    }
    broken
}

fn differences(facts: &TopicFacts, found: &FinalTopic) -> Vec<String> {
    let mut broken = Vec::new();
    if !(facts.partitions_told..=facts.partitions_asked).contains(&found.partitions) {
        broken.push(format!(
            "topic {} has {} partitions, told {}, asked {}",
            facts.name, found.partitions, facts.partitions_told, facts.partitions_asked
        ));
    }
    for (config, values) in &facts.configs {
        let is_value = found.configs.get(config);
        let told = values.iter().rposition(|(_, told)| *told);
        let mut possible =
            values.iter().enumerate().filter(|(at, (_, is_told))| Some(*at) == told || !is_told);
        if told.is_some() && !possible.any(|(_, (value, _))| Some(value) == is_value) {
            broken.push(format!("topic {}: {config} is {is_value:?}, of {values:?}", facts.name));
        }
    }
    broken
}
