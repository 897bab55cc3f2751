//! What a task says, in the words of the crate that resolves.

use std::collections::BTreeMap;

use refuel_resolve::{
    Blocking, Choose, ClusterOptions, Mode, Part, ResolveError, ResolveOptions, Role, Rule, Sources, Take,
};
use refuel_task::{BlockingRule, CanonicalRule, ColumnRole, KeyPart, LinkMode, ResolveTask};

/// Where matches are looked for; none where there are too few tables for it.
pub(super) fn mode(asked: Option<LinkMode>, tables: usize) -> Option<Mode> {
    match (asked, tables) {
        // Two tables are then as one.
        (Some(LinkMode::Deduplicate), _) | (None, 1) => Some(Mode::Deduplicate),
        (Some(LinkMode::Link | LinkMode::LinkAndDeduplicate), 1) => None,
        (None | Some(LinkMode::Link), _) => Some(Mode::Link),
        (Some(LinkMode::LinkAndDeduplicate), _) => Some(Mode::LinkAndDeduplicate),
    }
}

/// Tables with where matches are looked for. A table without rows leaves nothing to link.
pub(super) fn sources(mode: Mode, of: Vec<u32>) -> Result<Sources, ResolveError> {
    let single = of.windows(2).all(|pair| pair[0] == pair[1]);
    let mode = if mode == Mode::Link && single {
        Mode::LinkAndDeduplicate
    } else {
        mode
    };
    Sources::tables(mode, of)
}

pub(super) fn roles(task: &ResolveTask) -> BTreeMap<String, Role> {
    let told = task.columns.iter().filter_map(|column| {
        let role = match column.role? {
            ColumnRole::Name => Role::Name,
            ColumnRole::Code => Role::Code,
            ColumnRole::Number => Role::Number,
            ColumnRole::Date => Role::Date,
            ColumnRole::Text => Role::Text,
            ColumnRole::Category => Role::Category,
        };
        Some((column.name.clone(), role))
    });
    told.collect()
}

pub(super) fn of(task: &ResolveTask) -> ResolveOptions {
    let mut blocking = Blocking::default();
    if !task.blocking.is_empty() {
        blocking.rules = task.blocking.iter().map(rule).collect();
    }
    if let Some(most) = task.max_pairs {
        blocking.max_pairs = most as usize;
    }
    ResolveOptions {
        blocking,
        cluster: ClusterOptions {
            threshold: task.threshold,
        },
        canonical: task
            .canonical
            .iter()
            .map(|(column, rule)| (column.clone(), choose(rule)))
            .collect(),
    }
}

fn rule(rule: &BlockingRule) -> Rule {
    match rule {
        BlockingRule::Words(nearest) => Rule::Words {
            nearest: *nearest as usize,
        },
        BlockingRule::Trigrams(nearest) => Rule::Trigrams {
            nearest: *nearest as usize,
        },
        BlockingRule::Embeddings(nearest) => Rule::Embeddings {
            nearest: *nearest as usize,
        },
        BlockingRule::Sorted { column, window } => Rule::Sorted {
            column: column.clone(),
            window: *window as usize,
        },
        BlockingRule::Key(parts) => Rule::Key {
            parts: parts.iter().map(part).collect(),
        },
        BlockingRule::MinHash { bands, rows } => Rule::MinHash {
            bands: *bands as usize,
            rows: *rows as usize,
        },
    }
}

fn part(part: &KeyPart) -> Part {
    Part {
        column: part.column.clone(),
        take: match part.take {
            refuel_task::Take::All => Take::All,
            refuel_task::Take::First(count) => Take::First(count as usize),
            refuel_task::Take::Last(count) => Take::Last(count as usize),
            refuel_task::Take::Digits => Take::Digits,
        },
    }
}

fn choose(rule: &CanonicalRule) -> Choose {
    match rule {
        CanonicalRule::Vote => Choose::Vote,
        CanonicalRule::Longest => Choose::Longest,
        CanonicalRule::Latest(by) => Choose::Latest { by: by.clone() },
        // People count tables from 1.
        CanonicalRule::Source(order) => Choose::Source {
            order: order.iter().map(|number| number.saturating_sub(1)).collect(),
        },
    }
}

/// A rule of blocking in words.
pub(super) fn words(rule: &Rule) -> String {
    match rule {
        Rule::Words { nearest } => format!("words, {nearest} nearest"),
        Rule::Trigrams { nearest } => format!("trigrams, {nearest} nearest"),
        Rule::Embeddings { nearest } => format!("embeddings, {nearest} nearest"),
        Rule::Sorted {
            column: Some(column),
            window,
        } => format!("sorted by {column}, {window} neighbours"),
        Rule::Sorted { column: None, window } => format!("sorted, {window} neighbours"),
        Rule::Key { parts } => {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| match part.take {
                    Take::All => part.column.clone(),
                    Take::First(count) => format!("first {count} of {}", part.column),
                    Take::Last(count) => format!("last {count} of {}", part.column),
                    Take::Digits => format!("digits of {}", part.column),
                })
                .collect();
            format!("same {}", parts.join(" and "))
        }
        Rule::MinHash { bands, rows } => format!("MinHash, {bands} bands of {rows}"),
    }
}

/// What is in a column, in the word of task files.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Name => "name",
        Role::Code => "code",
        Role::Number => "number",
        Role::Date => "date",
        Role::Text => "text",
        Role::Category => "category",
    }
}
