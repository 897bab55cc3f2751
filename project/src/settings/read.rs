//! Reads `refuel_project.yml`.

use std::collections::BTreeMap;
use std::time::Duration;

use refuel_task::Place;
use refuel_task::yaml::{Content, Node};

use super::keys::{BUDGETS, HOOK, JOB, PROJECT};
use super::{Catchup, FolderConfigs, Hook, Job, JobCommand, Overlap, Settings};
use crate::PROJECT_FILE;
use crate::config::{Budget, ModelConfig, SeedConfig, TestConfig};
use crate::error::ProjectError;
use crate::shape::{Entries, Problems, Shape, check, suggestion, whole};

/// What `refuel_project.yml` says.
#[derive(Debug)]
pub(crate) struct ProjectFile {
    pub(crate) settings: Settings,
    pub(crate) profile_place: Option<Place>,
    pub(crate) models: FolderConfigs<ModelConfig>,
    pub(crate) seeds: FolderConfigs<SeedConfig>,
    pub(crate) tests: FolderConfigs<TestConfig>,
}

/// Reads the text of `refuel_project.yml`. None where nothing can be made of it.
pub(crate) fn read(text: &str, problems: &mut Problems) -> Option<ProjectFile> {
    let node = match Node::from_yaml(text, PROJECT_FILE) {
        Ok(node) => node,
        Err(error) => {
            problems.push(error.into());
            return None;
        }
    };
    if matches!(node.content, Content::Null) {
        problems.push(ProjectError::Invalid {
            place: node.place,
            message: "the file is empty".to_owned(),
            hint: Some("give the project a name: name: NAME".to_owned()),
        });
        return None;
    }
    check(&node, &Shape::Object(&PROJECT), problems);
    let mut entries = Entries::open(node, &PROJECT)?;
    let name = entries.text("name").unwrap_or_default();
    let mut folders = |key: &str| paths(&mut entries, key, problems);
    let model_paths = folders("model_paths");
    let task_paths = folders("task_paths");
    let seed_paths = folders("seed_paths");
    let test_paths = folders("test_paths");
    let macro_paths = folders("macro_paths");
    let pools: BTreeMap<String, u32> = entries.take("pools").map(read_pools).unwrap_or_default();
    let mut schedule: Vec<Job> = Vec::new();
    for node in entries.list("schedule") {
        let Some(job) = read_job(node, &pools, problems) else {
            continue;
        };
        if let Some(first) = schedule.iter().find(|other| other.name == job.name) {
            problems.push(ProjectError::Duplicate {
                place: job.place.clone(),
                what: format!("a job named \"{}\"", job.name),
                first: first.place.clone(),
                hint: "give each job a name of its own".to_owned(),
            });
        }
        schedule.push(job);
    }
    let budget = entries.object("budgets", &BUDGETS).map(|mut entries| Budget {
        max_rows: entries.whole("max_rows"),
        max_tokens: entries.whole("max_tokens"),
        max_minutes: entries.number("max_minutes"),
    });
    let profile_place = entries.place_of("profile").cloned();
    let models = entries.take("models");
    let seeds = entries.take("seeds");
    let tests = entries.take("data_tests");
    let hooks = |hooks: Option<Vec<String>>| hooks.unwrap_or_default().into_iter().map(Into::into).collect();
    Some(ProjectFile {
        models: models.map_or_else(FolderConfigs::none, |node| FolderConfigs::read(node, &name)),
        seeds: seeds.map_or_else(FolderConfigs::none, |node| FolderConfigs::read(node, &name)),
        tests: tests.map_or_else(FolderConfigs::none, |node| FolderConfigs::read(node, &name)),
        settings: Settings {
            version: entries.text("version"),
            description: entries.filled("description"),
            profile: entries.filled("profile").unwrap_or_else(|| name.clone()),
            model_paths,
            task_paths,
            seed_paths,
            test_paths,
            macro_paths,
            target_path: entries.filled("target_path").unwrap_or_else(|| "target".to_owned()),
            vars: entries.map("vars").unwrap_or_default(),
            budget: budget.unwrap_or_default(),
            on_run_start: hooks(entries.texts("on_run_start")),
            on_run_end: hooks(entries.texts("on_run_end")),
            schedule,
            pools,
            name,
        },
        profile_place,
    })
}

/// Folders by one key, without `./` before and `/` behind. `model_paths` is `[models]` unless told.
fn paths(entries: &mut Entries, key: &str, problems: &mut Problems) -> Vec<String> {
    let place = entries.place_of(key).cloned();
    let Some(said) = entries.texts(key) else {
        return vec![format!("{}s", key.trim_end_matches("_paths"))];
    };
    let mut found: Vec<String> = Vec::with_capacity(said.len());
    for path in said {
        let plain = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        let is_inside = !plain.is_empty() && !plain.starts_with('/') && !plain.split('/').any(|part| part == "..");
        if !is_inside {
            problems.push(ProjectError::Invalid {
                place: place.clone().unwrap_or_else(|| entries.place.clone()),
                message: format!("\"{path}\" is no folder inside of the project"),
                hint: Some(format!("name a folder from the project's: {key}: [folder]")),
            });
        } else if !found.contains(&plain) {
            found.push(plain);
        }
    }
    found
}

fn read_pools(node: Node) -> BTreeMap<String, u32> {
    let Content::Map(entries) = node.content else {
        return BTreeMap::new();
    };
    let slots = |node: &Node| match &node.content {
        Content::Number(number) => whole(number).and_then(|slots| u32::try_from(slots).ok()),
        _ => None,
    };
    entries
        .into_iter()
        .filter_map(|(name, _, node)| Some((name, slots(&node)?)))
        .collect()
}

fn read_job(node: Node, pools: &BTreeMap<String, u32>, problems: &mut Problems) -> Option<Job> {
    let mut entries = Entries::open(node, &JOB)?;
    let place = entries.place.clone();
    let commands = [JobCommand::Build, JobCommand::Run, JobCommand::Test, JobCommand::Seed]
        .map(|command| (command.name(), command));
    let catchups = [("none", Catchup::None), ("last", Catchup::Last), ("all", Catchup::All)];
    let overlaps = [
        ("skip", Overlap::Skip),
        ("queue", Overlap::Queue),
        ("cancel_previous", Overlap::CancelPrevious),
    ];
    let pool_place = entries.place_of("pool").cloned();
    let pool = entries.filled("pool");
    if let (Some(place), Some(pool)) = (pool_place, &pool)
        && !pools.contains_key(pool)
    {
        let hint = if pools.is_empty() {
            format!("declare it: pools: {{{pool}: 1}}")
        } else {
            suggestion(pool, pools.keys().map(String::as_str), "there are")
        };
        problems.push(ProjectError::UnknownName {
            place,
            what: "pool",
            name: pool.clone(),
            hint,
        });
    }
    let cron_place = entries.place_of("cron").cloned().unwrap_or_else(|| place.clone());
    Some(Job {
        name: entries.text("name")?,
        description: entries.filled("description"),
        cron: entries.filled("cron")?,
        cron_place,
        timezone: entries.filled("timezone").unwrap_or_else(|| "UTC".to_owned()),
        command: entries.word("command", &commands).unwrap_or_default(),
        select: entries.texts("select").unwrap_or_default(),
        exclude: entries.texts("exclude").unwrap_or_default(),
        target: entries.filled("target"),
        vars: entries.map("vars").unwrap_or_default(),
        full_refresh: entries.flag("full_refresh").unwrap_or_default(),
        catchup: entries.word("catchup", &catchups).unwrap_or_default(),
        overlap: entries.word("overlap", &overlaps).unwrap_or_default(),
        retries: entries.whole("retries").unwrap_or_default() as u32,
        retry_delay: entries.duration("retry_delay").unwrap_or(Duration::from_mins(1)),
        timeout: entries.duration("timeout"),
        pool,
        on_success: read_hooks(&mut entries, "on_success", problems),
        on_failure: read_hooks(&mut entries, "on_failure", problems),
        enabled: entries.flag("enabled").unwrap_or(true),
        place,
    })
}

fn read_hooks(entries: &mut Entries, key: &str, problems: &mut Problems) -> Vec<Hook> {
    let mut hooks = Vec::new();
    for node in entries.list(key) {
        let Some(mut hook) = Entries::open(node, &HOOK) else {
            continue;
        };
        let place = hook.place.clone();
        match (hook.filled("command"), hook.filled("webhook")) {
            (Some(command), None) => hooks.push(Hook::Command(command)),
            (None, Some(address)) => hooks.push(Hook::Webhook(address)),
            _ => problems.push(ProjectError::Invalid {
                place,
                message: "a hook has either \"command\" or \"webhook\"".to_owned(),
                hint: Some("write one of the two for each hook".to_owned()),
            }),
        }
    }
    hooks
}
