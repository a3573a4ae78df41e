//! H1 and the arrows of ARCHITECTURE: which crate may depend on which, proved on what cargo
//! resolves rather than on what the manifests seem to say.
//!
//! Dev-dependencies are left out: what a test needs never reaches a binary.

use std::collections::{BTreeMap, BTreeSet};

use crate::process;
use crate::repository::Repository;

/// Every crate of the workspace and the crates of the workspace that it may name. A crate without
/// a row fails the check: where it stands is decided here, not found out later.
const ARROWS: &[(&str, &[&str])] = &[
    ("pelton-model", &[]),
    ("pelton-storage", &["pelton-model"]),
    ("pelton-kafka", &["pelton-model"]),
    ("pelton-net", &["pelton-model"]),
    ("pelton-cluster", &["pelton-model"]),
    ("pelton-group", &["pelton-model"]),
    ("pelton-txn", &["pelton-model"]),
    ("pelton-peer", &["pelton-model"]),
    ("pelton-replication-core", &["pelton-model"]),
    (
        "pelton-replication",
        &["pelton-model", "pelton-storage", "pelton-net", "pelton-peer", "pelton-replication-core"],
    ),
    (
        "pelton-broker",
        &[
            "pelton-model",
            "pelton-storage",
            "pelton-kafka",
            "pelton-net",
            "pelton-cluster",
            "pelton-group",
            "pelton-txn",
            "pelton-peer",
            "pelton-replication-core",
            "pelton-replication",
        ],
    ),
    ("pelton-client", &["pelton-model", "pelton-kafka"]),
    ("pelton-bench", &["pelton-model", "pelton-kafka", "pelton-client"]),
    (
        "pelton-sim",
        &["pelton-model", "pelton-storage", "pelton-kafka", "pelton-net", "pelton-broker"],
    ),
    (
        "pelton",
        &[
            "pelton-model",
            "pelton-storage",
            "pelton-kafka",
            "pelton-client",
            "pelton-bench",
            "pelton-broker",
        ],
    ),
    (
        "pelton-fuzz-targets",
        &["pelton-model", "pelton-storage", "pelton-kafka", "pelton-net", "pelton-cluster"],
    ),
    ("xtask", &[]),
];

/// What must not be reached by any way, however long, and why.
struct Ban {
    from: &'static [&'static str],
    target: &'static str,
    reason: &'static str,
}

const PURE: &[&str] = &[
    "pelton-model",
    "pelton-kafka",
    "pelton-cluster",
    "pelton-group",
    "pelton-txn",
    "pelton-peer",
    "pelton-replication-core",
];
const BELOW_KAFKA: &[&str] = &[
    "pelton-model",
    "pelton-storage",
    "pelton-net",
    "pelton-peer",
    "pelton-replication-core",
    "pelton-replication",
];

const BANS: &[Ban] = &[
    Ban { from: BELOW_KAFKA, target: "kafka-wire", reason: "H1: knows nothing of Kafka's wire" },
    Ban { from: BELOW_KAFKA, target: "pelton-kafka", reason: "H1: knows nothing of Kafka's wire" },
    Ban { from: PURE, target: "glommio", reason: "a pure crate has no runtime" },
    Ban { from: PURE, target: "tokio", reason: "a pure crate has no runtime" },
    Ban {
        from: &["pelton-client"],
        target: "glommio",
        reason: "the client runs in other people's programs",
    },
    Ban {
        from: &["pelton-storage", "pelton-net", "pelton-broker"],
        target: "rdkafka",
        reason: "a client library is for tests",
    },
];

/// # Errors
/// Every forbidden edge, a line each.
pub fn check(repository: &Repository) -> Result<(), String> {
    let arguments = [
        "tree",
        "--workspace",
        "--all-features",
        "--edges",
        "normal,build",
        "--prefix",
        "depth",
        "--format",
        "{p}",
    ];
    let tree = process::output(process::cargo(), &arguments, repository.root())?;
    let violations = violations(&Graph::parse(&tree)?);
    if violations.is_empty() { Ok(()) } else { Err(violations.join("\n")) }
}

fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for member in &graph.members {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == member) else {
            found.push(format!(
                "{member} has no row in tools/xtask/src/dependency_edges.rs: decide what it may \
                 depend on"
            ));
            continue;
        };
        for dependency in graph.dependencies(member) {
            if graph.members.contains(dependency) && !allowed.contains(&dependency.as_str()) {
                found.push(format!("{member} -> {dependency}: not an arrow of ARCHITECTURE.md"));
            }
        }
    }
    for ban in BANS {
        for from in ban.from {
            if let Some(way) = graph.way(from, ban.target) {
                found.push(format!("{}: {}", way.join(" -> "), ban.reason));
            }
        }
    }
    found
}

/// Crates by name. Two versions of a crate are one node: for a ban that is the strict reading.
#[derive(Default)]
struct Graph {
    members: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Reads `cargo tree --prefix depth`: the depth in digits, the crate's name, its version. A
    /// subtree that was printed before is left out by cargo and marked `(*)`; its edges are known.
    fn parse(tree: &str) -> Result<Graph, String> {
        let mut graph = Graph::default();
        let mut ancestors: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.trim().is_empty()) {
            let unreadable = || format!("cannot read this line of `cargo tree`: {line}");
            let digits = line.find(|c: char| !c.is_ascii_digit()).ok_or_else(unreadable)?;
            let (depth, package) = line.split_at(digits);
            let depth: usize = depth.parse().map_err(|_| unreadable())?;
            let name = package.split_whitespace().next().ok_or_else(unreadable)?.to_owned();
            if depth > ancestors.len() {
                return Err(unreadable());
            }
            ancestors.truncate(depth);
            match ancestors.last() {
                None => drop(graph.members.insert(name.clone())),
                Some(parent) => {
                    graph.edges.entry(parent.clone()).or_default().insert(name.clone());
                }
            }
            ancestors.push(name);
        }
        if graph.members.is_empty() {
            return Err("`cargo tree` named no crate".to_owned());
        }
        Ok(graph)
    }

    fn dependencies(&self, of: &str) -> impl Iterator<Item = &String> {
        self.edges.get(of).into_iter().flatten()
    }

    /// A shortest way, both ends included.
    fn way(&self, from: &str, target: &str) -> Option<Vec<String>> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut frontier = vec![from];
        while !frontier.is_empty() {
            let mut next = Vec::new();
            for at in frontier {
                for dependency in self.dependencies(at).map(String::as_str) {
                    if dependency == from || came_from.contains_key(dependency) {
                        continue;
                    }
                    came_from.insert(dependency, at);
                    if dependency == target {
                        return Some(retrace(&came_from, from, target));
                    }
                    next.push(dependency);
                }
            }
            frontier = next;
        }
        None
    }
}

fn retrace(came_from: &BTreeMap<&str, &str>, from: &str, target: &str) -> Vec<String> {
    let mut way = vec![target.to_owned()];
    let mut at = target;
    while at != from {
        let Some(before) = came_from.get(at) else { break };
        at = before;
        way.push(at.to_owned());
    }
    way.reverse();
    way
}

#[cfg(test)]
#[path = "dependency_edges_test.rs"]
mod dependency_edges_test;
