//! Puts what was read together: configuration by folder, files, and what properties say of them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use rayon::prelude::*;
use refuel_task::{Place, Task};

use super::files::{self, Found, FoundFiles};
use super::names::{Taken, is_name};
use crate::PROJECT_FILE;
use crate::config::{Layered, ModelConfig, SeedConfig, TestConfig};
use crate::error::ProjectError;
use crate::profile::Chosen;
use crate::project::{LoadOptions, MacroFile, Model, Project, Seed, SingularTest, TaskFile};
use crate::properties::{
    Described, Format, Properties, PropertiesFile, Reader, Source, TextHash, UnitTest, read_store, text_hash, tree,
};
use crate::settings::{FolderConfigs, ProjectFile, Settings};
use crate::shape::{Problems, suggestion};
use crate::source_text::SourceText;
use crate::store::Store;

/// The file of the trees of properties files, in the target folder.
const TREES: &str = "cache/properties";

/// Puts a project together. None where it has no target.
pub(super) fn assemble(
    root: PathBuf,
    (file, hash): (ProjectFile, TextHash),
    chosen: Option<Chosen>,
    found: FoundFiles,
    options: &LoadOptions,
    problems: &mut Problems,
) -> Option<Project> {
    let ProjectFile {
        settings,
        models: model_configs,
        seeds: seed_configs,
        tests: test_configs,
        ..
    } = file;
    let trees = if options.cached {
        read_store(&root.join(&settings.target_path).join(TREES))
    } else {
        Store::default()
    };
    let mut texts = HashMap::with_capacity(found.properties.len() + 1);
    texts.insert(PROJECT_FILE.into(), hash);
    let described = read_properties(
        &root,
        &settings,
        &test_configs,
        found.properties,
        trees,
        &mut texts,
        problems,
    );
    check_folders(
        &model_configs,
        found.models.iter(),
        "model or folder of models",
        problems,
    );
    check_folders(
        &seed_configs,
        found.seeds.iter().map(|(file, _)| file),
        "seed or folder of seeds",
        problems,
    );
    let mut taken = Taken::default();
    let folder: Arc<Path> = root.as_path().into();
    let models = files::sql(&folder, found.models, options.late, problems);
    let mut models = read_models(models, &model_configs, &mut taken, problems);
    let mut seeds = read_seeds(found.seeds, &seed_configs, &mut taken, problems);
    let tests = files::sql(&folder, found.tests, options.late, problems);
    let tests = read_tests(tests, &test_configs, problems);
    let tasks = read_tasks(&root, found.tasks, problems);
    let macros = files::texts(&root, found.macros, problems)
        .into_iter()
        .map(|(file, text)| MacroFile { path: file.path, text })
        .collect();

    let mut sources: IndexMap<String, Source> = IndexMap::new();
    let mut unit_tests: Vec<UnitTest> = Vec::new();
    let mut first: HashMap<(bool, String), Place> = HashMap::new();
    for file in described {
        for described in file.models {
            attach_model(described, &mut models, &seeds, &mut first, problems);
        }
        for described in file.seeds {
            attach_seed(described, &mut seeds, &models, &mut first, problems);
        }
        for source in file.sources {
            if let Some(other) = sources.get(&source.name) {
                problems.push(duplicate(
                    source.place.clone(),
                    format!("a source named \"{}\"", source.name),
                    other.place.clone(),
                    "put all tables of a source below one name",
                ));
                continue;
            }
            sources.insert(source.name.clone(), source);
        }
        unit_tests.extend(file.unit_tests);
    }
    sources.sort_unstable_keys();
    check_unit_tests(&mut unit_tests, &models, problems);

    let Chosen { target, targets } = chosen?;
    let mut vars = settings.vars.clone();
    vars.extend(options.vars.clone());
    Some(Project {
        root,
        settings,
        vars,
        env: options.env.clone(),
        target,
        targets,
        models,
        seeds,
        sources,
        tests,
        unit_tests,
        tasks,
        macros,
        texts,
    })
}

fn duplicate(place: Place, what: String, first: Place, hint: &str) -> ProjectError {
    ProjectError::Duplicate {
        place,
        what,
        first,
        hint: hint.to_owned(),
    }
}

fn read_properties(
    root: &Path,
    settings: &Settings,
    tests: &FolderConfigs<TestConfig>,
    found: Vec<Found>,
    mut trees: Store,
    texts: &mut HashMap<Arc<str>, TextHash>,
    problems: &mut Problems,
) -> Vec<PropertiesFile> {
    struct Read {
        file: PropertiesFile,
        hash: TextHash,
        entry: Option<Vec<u8>>,
        problems: Problems,
    }
    let read_file = |found: &Found| -> Result<Read, ProjectError> {
        let text = files::text(root, &found.path)?;
        let hash = text_hash(&text);
        let (node, entry) = tree(&text, hash, &found.path, &trees)?;
        let mut reader = Reader {
            root,
            test_paths: &settings.test_paths,
            tests: tests.of_path(found.folder()).clone(),
            problems: Problems::new(),
        };
        let mut file = reader.read(node);
        for described in file.models.iter_mut().chain(&mut file.seeds) {
            bare(&mut described.properties);
        }
        Ok(Read {
            file,
            hash,
            entry,
            problems: reader.problems,
        })
    };
    let read: Vec<Result<Read, ProjectError>> = found.par_iter().map(read_file).collect();
    let mut files = Vec::with_capacity(read.len());
    for (found, read) in found.into_iter().zip(read) {
        match read {
            Ok(read) => {
                if let Some(entry) = read.entry {
                    trees.keep(&found.path, entry);
                }
                texts.insert(found.path, read.hash);
                files.push(read.file);
                problems.extend(read.problems);
            }
            Err(error) => problems.push(error),
        }
    }
    trees.retain(|path| texts.contains_key(path));
    trees.write();
    files
}

fn check_folders<'a, C: Layered>(
    configs: &FolderConfigs<C>,
    files: impl Iterator<Item = &'a Found>,
    what: &'static str,
    problems: &mut Problems,
) {
    if configs.is_flat() {
        return;
    }
    let paths: Vec<&str> = files.map(Found::below).collect();
    configs.check(&paths, what, problems);
}

fn read_models(
    found: Vec<(Found, SourceText)>,
    configs: &FolderConfigs<ModelConfig>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> IndexMap<Arc<str>, Model> {
    let mut models = IndexMap::with_capacity(found.len());
    for (file, sql) in found {
        if !is_name(&file, "model", problems) || !taken.take(&file, "a model", problems) {
            continue;
        }
        let name: Arc<str> = file.stem().into();
        models.insert(
            name.clone(),
            Model {
                name,
                config: configs.of_path(file.below()).clone(),
                path: file.path,
                sql,
                properties: None,
            },
        );
    }
    models.sort_unstable_keys();
    models
}

fn read_seeds(
    found: Vec<(Found, Format)>,
    configs: &FolderConfigs<SeedConfig>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> IndexMap<Arc<str>, Seed> {
    let mut seeds = IndexMap::with_capacity(found.len());
    for (file, format) in found {
        if !is_name(&file, "seed", problems) || !taken.take(&file, "a model or seed", problems) {
            continue;
        }
        let name: Arc<str> = file.stem().into();
        seeds.insert(
            name.clone(),
            Seed {
                name,
                config: configs.of_path(file.below()).clone(),
                path: file.path,
                format,
                properties: None,
            },
        );
    }
    seeds.sort_unstable_keys();
    seeds
}

fn read_tests(
    found: Vec<(Found, SourceText)>,
    configs: &FolderConfigs<TestConfig>,
    problems: &mut Problems,
) -> IndexMap<Arc<str>, SingularTest> {
    let mut taken = Taken::default();
    let mut tests = IndexMap::new();
    for (file, sql) in found {
        if !is_name(&file, "test", problems) || !taken.take(&file, "a test", problems) {
            continue;
        }
        let name: Arc<str> = file.stem().into();
        tests.insert(
            name.clone(),
            SingularTest {
                name,
                config: configs.of_path(file.below()).clone(),
                path: file.path,
                sql,
            },
        );
    }
    tests.sort_unstable_keys();
    tests
}

fn read_tasks(root: &Path, found: Vec<Found>, problems: &mut Problems) -> BTreeMap<String, TaskFile> {
    let read: Vec<Result<(Found, Task), ProjectError>> = found
        .into_par_iter()
        .map(|file| {
            let text = files::text(root, &file.path)?;
            let full = root.join(&*file.path);
            let folder = full.parent().unwrap_or(root);
            let task = Task::from_yaml(&text, &file.path, folder)?;
            Ok((file, task))
        })
        .collect();
    let mut tasks: BTreeMap<String, TaskFile> = BTreeMap::new();
    for result in read {
        match result {
            Ok((file, task)) => {
                if let Some(other) = tasks.get(&task.name) {
                    problems.push(duplicate(
                        Place::of(file.path),
                        format!("a task named \"{}\"", task.name),
                        Place::of(other.path.clone()),
                        "give one of the two another name",
                    ));
                    continue;
                }
                let task = Arc::new(task);
                tasks.insert(task.name.clone(), TaskFile { path: file.path, task });
            }
            Err(error) => problems.push(error),
        }
    }
    tasks
}

/// Says that something is described twice. True where it is not.
fn is_first(
    described: &Described,
    is_model: bool,
    first: &mut HashMap<(bool, String), Place>,
    problems: &mut Problems,
) -> bool {
    let what = if is_model { "model" } else { "seed" };
    if let Some(place) = first.get(&(is_model, described.name.clone())) {
        problems.push(duplicate(
            described.place.clone(),
            format!("what is said of the {what} \"{}\"", described.name),
            place.clone(),
            "say all of it in one place",
        ));
        return false;
    }
    first.insert((is_model, described.name.clone()), described.place.clone());
    true
}

fn attach_model(
    described: Described,
    models: &mut IndexMap<Arc<str>, Model>,
    seeds: &IndexMap<Arc<str>, Seed>,
    first: &mut HashMap<(bool, String), Place>,
    problems: &mut Problems,
) {
    if !is_first(&described, true, first, problems) {
        return;
    }
    let Some(model) = models.get_mut(described.name.as_str()) else {
        let is_seed = seeds.contains_key(described.name.as_str());
        problems.push(unknown(described, "model", is_seed.then_some("seed"), models.keys()));
        return;
    };
    if let Some(config) = described.config {
        model.config = Arc::new(model.config.merged(config));
    }
    model.properties = Some(described.properties);
}

fn attach_seed(
    described: Described,
    seeds: &mut IndexMap<Arc<str>, Seed>,
    models: &IndexMap<Arc<str>, Model>,
    first: &mut HashMap<(bool, String), Place>,
    problems: &mut Problems,
) {
    if !is_first(&described, false, first, problems) {
        return;
    }
    let Some(seed) = seeds.get_mut(described.name.as_str()) else {
        let is_model = models.contains_key(described.name.as_str());
        problems.push(unknown(described, "seed", is_model.then_some("model"), seeds.keys()));
        return;
    };
    if let Some(config) = described.config {
        seed.config = Arc::new(seed.config.merged(config));
    }
    seed.properties = Some(described.properties);
}

/// Paths of keys are for errors in the file alone; ten thousand models keep none, and no room to grow.
fn bare(properties: &mut Properties) {
    properties.place.path = String::new();
    properties.columns.shrink_to_fit();
    for column in &mut properties.columns {
        column.place.path = String::new();
        column.tests.shrink_to_fit();
    }
}

fn unknown<'a>(
    described: Described,
    what: &'static str,
    instead: Option<&str>,
    names: impl Iterator<Item = &'a Arc<str>> + Clone,
) -> ProjectError {
    ProjectError::UnknownName {
        place: described.place,
        what,
        hint: match instead {
            Some(instead) => format!("it is a {instead}: write it below \"{instead}s\""),
            None => suggestion(&described.name, names.map(|name| &**name), "there are"),
        },
        name: described.name,
    }
}

/// The model of a unit test must be there, and its name be given once for the model.
fn check_unit_tests(tests: &mut Vec<UnitTest>, models: &IndexMap<Arc<str>, Model>, problems: &mut Problems) {
    tests.sort_by(|a, b| (&a.model, &a.name, &a.place.source).cmp(&(&b.model, &b.name, &b.place.source)));
    for test in tests.iter().filter(|test| !models.contains_key(test.model.as_str())) {
        problems.push(ProjectError::UnknownName {
            place: test.place.clone(),
            what: "model",
            name: test.model.clone(),
            hint: suggestion(&test.model, models.keys().map(|name| &**name), "there are"),
        });
    }
    tests.dedup_by(|second, first| {
        let is_same = (&second.model, &second.name) == (&first.model, &first.name);
        if is_same {
            problems.push(duplicate(
                second.place.clone(),
                format!(
                    "a unit test named \"{}\" of the model \"{}\"",
                    second.name, second.model
                ),
                first.place.clone(),
                "give each a name of its own",
            ));
        }
        is_same
    });
}
